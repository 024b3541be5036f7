/**
 * Words that no text of the repository uses, since a reader of today stumbles over them: documents, help, errors, logs,
 * comments and titles of tests. Identifiers are not texts.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { root } from './support/repository.ts';

/** What to write in the place of each. */
const WORDS: Readonly<Record<string, string>> = {
  whence: 'where … from',
  'whither|hither|thither': 'where … to',
  'hence|thence': 'from then on, therefore',
  'anew|afresh': 'again, or a new …',
  'whoever|whomever|whosoever': 'the host, process or operator that; anyone who',
  'elder|eldest': 'older, oldest, earlier',
  'of late': 'recently',
  'in vain': 'say how it failed',
  'be it': 'whether',
  '(to|can|cannot|could|not) be had': 'is (not) available',
  'for ever': 'forever',
  'as ever': 'as before',
  'but for (a|an|the|this|that|its|what|one|those)': 'except for',
  'lest|save that': 'so that … not; except that',
  'upon|thereof|therein|thereby|wherein|whereby': 'on, of it, in it, by it, in which',
  'midst|amid|amidst|betwixt|unto|ere|nigh|yonder': 'in the middle of, during, before',
  'befall|befalls|befell|befallen': 'happen to',
  'bury|buries|buried|burial|burials': 'reclaim, remove',
  'perish|perishes|perished': 'fail, end',
  'forsake|forsaken|dwell|dwells|behold|aught|naught|nought': 'leave, live, see, anything, nothing',
  'shall|ought|durst': 'must, should',
  'is none|are none|is no (number|answer|socket|JSON|address|name|file|folder|host)': 'is not a …',
  'is told|are told|was told|were told|be told': 'is shown, is reported, receives',
  'tells of|tell of|told of': 'reports, describes',
  'hear of|hears of|heard of': 'learn of, receive',
  'goes by|go by all|comes by|came by': 'visits, passes, reaches',
};
const BANNED = Object.entries(WORDS).map(([words, instead]) => ({
  pattern: new RegExp(String.raw`(?<![\w-])(${words})(?![\w-])`, 'gi'),
  instead,
}));

/** Docker's or another's own words, by the file that quotes them. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {};

interface Text {
  readonly line: number;
  readonly text: string;
}

const lineAt = (source: string, position: number): number => source.slice(0, position).split('\n').length;

/** Comments, strings and templates of a program. */
function textsOfProgram(file: string, source: string): Text[] {
  const texts: Text[] = [];
  const note = (position: number, text: string): void => {
    texts.push({ line: lineAt(source, position), text });
  };
  const seen = new Set<number>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.end) ?? []),
    ]) {
      if (!seen.has(pos)) note(pos, source.slice(pos, end).replaceAll(/\n\s*\*/g, ''));
      seen.add(pos);
    }
    if (ts.isStringLiteralLike(node) && !ts.isImportDeclaration(node.parent)) note(node.getStart(), node.text);
    if (node.kind >= ts.SyntaxKind.TemplateHead && node.kind <= ts.SyntaxKind.TemplateTail)
      note(node.pos, node.getText());
    if (ts.isRegularExpressionLiteral(node)) note(node.getStart(), node.text);
    node.getChildren().forEach(visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true));
  return texts;
}

/** Prose of a document: neither code nor what is between backticks. */
const textsOfDocument = (source: string): Text[] =>
  paragraphs(
    source.replaceAll(/^```[^]*?^```/gm, (code) => code.replaceAll(/[^\n]/g, '')).replaceAll(/`[^`\n]*`/g, '…'),
  );

/** Comments and descriptions; a line of its own each. */
const textsOfSettings = (source: string): Text[] =>
  paragraphs(source.replaceAll(/^(?!\s*#|.*(Description|description):).*$/gm, '').replaceAll(/^\s*#/gm, ''));

/** A comment, or comments on successive lines; a string. Some code may look like one, which does no harm. */
const IN_SCRIPT =
  /(?:^[ \t]*(?:#|\/\/).*\n?)+|\/\*[^]*?\*\/|(?:#|\/\/).*|"""[^]*?"""|"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`/gm;

/** Comments and strings of a program in Python, Go or the language of the shell. */
const textsOfScript = (source: string): Text[] =>
  [...source.matchAll(IN_SCRIPT)].map(({ 0: text, index }) => ({
    line: lineAt(source, index),
    text: text.replaceAll(/\n\s*(?:#|\/\/|\*)*/g, ' '),
  }));

function paragraphs(source: string): Text[] {
  let line = 1;
  return source.split(/(\n\s*\n)/).map((text) => {
    const at = line;
    line += text.split('\n').length - 1;
    return { line: at, text: text.replaceAll('\n', ' ') };
  });
}

const READERS: readonly (readonly [glob: string, read: (file: string, source: string) => Text[]])[] = [
  ['{protocol,functions,shim,infra,bench,test}/**/*.{ts,js}', textsOfProgram],
  ['{*.md,docs/**/*.md,test/**/*.md}', (_, source) => textsOfDocument(source)],
  ['{serverless.yml,infra/**/*.yml,infra/systemd/*,infra/rules/*,.ci/run}', (_, source) => textsOfSettings(source)],
  ['{infra,test}/**/*.{py,go,sh}', (_, source) => textsOfScript(source)],
];

/** What is found, as an editor can jump to it. */
function findings(): string[] {
  return READERS.flatMap(([glob, read]) =>
    globSync(glob, { cwd: root, exclude: ['**/node_modules', 'test/fixtures/v*'] }).flatMap((file) => {
      if (file === path.relative(root, import.meta.filename)) return [];
      const allowed = EXCEPTIONS[file] ?? [];
      return read(file, readFileSync(path.join(root, file), 'utf8')).flatMap(({ line, text }) =>
        BANNED.flatMap(({ pattern, instead }) =>
          [...text.matchAll(pattern)]
            .filter(([word]) => !allowed.includes(word))
            .map(([word]) => `${file}:${line}: "${word}": write ${instead}`),
        ),
      );
    }),
  );
}

describe('plain English', () => {
  it('uses none of the words that the list replaces', () => {
    assert.deepEqual(findings(), []);
  });

  it('finds such a word in a comment, a string, a template, a script, a document and a setting', () => {
    const program = "// asks anew\nconst a = ['whence', `elder ${'b'} upon`];";
    const words = (texts: readonly Text[]): number =>
      texts.flatMap(({ text }) => BANNED.flatMap(({ pattern }) => [...text.matchAll(pattern)])).length;
    assert.equal(words(textsOfProgram('a.ts', program)), 4);
    assert.equal(words(textsOfDocument('It asks\nanew, `anew`.\n\n```\nanew\n```\n')), 1);
    assert.equal(words(textsOfScript('# asks\n# anew\nanew = """asks\nanew""" + "anew" # upon\n')), 4);
    assert.equal(words(textsOfScript('// asks anew\nanew := `upon`\n')), 2);
    assert.equal(words(textsOfSettings('anew: 1 \n# anew\nDescription: asks anew\n')), 2);
  });
});
