/** What operators call to learn whether the table is sound. It reads the whole table, page by page, and its role only reads. */
import { type CheckAnswer, type FindingLine, checkMessage } from '../protocol/check-messages.ts';
import { openTableView } from './dynamo/open-table-view.ts';
import { type Finding, idOf } from './ipam/check/finding.ts';
import { checkPage } from './ipam/check/page.ts';
import { Refusal } from './ipam/refusal.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { type Request, handle, parseMessage, parseOperator } from './lambda/handler.ts';
import { realWorld as world } from './lambda/world.ts';

const table = openTableView(parseEnv(tableEnv).BERTH_TABLE, world);

const check = async (request: Request): Promise<CheckAnswer> => {
  const { After: after } = parseMessage(checkMessage, request);
  parseOperator(request);
  const from = after ?? undefined;
  if (from !== undefined && !table.isPlace(from)) {
    throw new Refusal('invalid-request', 'this is no place to go on from; send what the answer before gave as Next');
  }
  const { findings, items, next } = await checkPage({ table, now: world.now() }, from);
  return { Findings: findings.map(lineOf), Items: items, Next: next ?? null };
};

const lineOf = (finding: Finding): FindingLine => ({
  Damage: finding.damage,
  Where: finding.where,
  What: finding.what,
  IsLeftover: finding.isLeftover,
  Id: idOf(finding),
});

export const handler = handle({ '/Berth.Check': check });
