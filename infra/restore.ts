/** `npm run restore -- --from RESTORED --to TABLE`: the step after a point-in-time restore (docs/operations.md). */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { alignTable } from './align-table.ts';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly region?: string;
  readonly write: boolean;
}

const command = new Command('restore')
  .description(
    'Makes a table equal to another, such as one from a point-in-time restore. Stop all functions first: what they write ' +
      'in the meantime is lost. Credentials are found as by the AWS CLI.',
  )
  .requiredOption('--from <table>', 'the table to copy from')
  .requiredOption('--to <table>', 'the table to change: the output TableName of the stack')
  .option('--region <region>', 'the Region of both tables (default: AWS_REGION)')
  .option('--write', 'make the changes; without it, the difference is only shown', false)
  .parse();

const { from, to, region, write } = command.opts<Options>();
const client = new DynamoDBClient(region === undefined ? {} : { region });
try {
  const { put, deleted, equal } = await alignTable(client, { from, to, isWritten: write });
  const [putting, deleting] = write ? ['put', 'deleted'] : ['to be put', 'to be deleted'];
  console.log(
    `${equal} items are the same; ${put} ${putting}, ${deleted} ${deleting}${write ? '' : ' (--write does it)'}`,
  );
} catch (error) {
  console.error(`restore: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  client.destroy();
}
