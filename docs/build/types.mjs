// What a reader sees who points at a name of an example: its type. One program of TypeScript has all blocks of all pages, and TypeDoc reads the
// same program, so that nothing is checked twice.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const docs = fileURLToPath(new URL('..', import.meta.url));
const root = dirname(docs.replace(/\/$/, ''));
/** Longer ones are for the reference. */
const maxCharacters = 320;

/** Blocks of the pages and of the doc comments, without those of the reference, which repeat the latter. */
function blocks() {
  const under = (directory, ending) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(ending) && !/^(?:api|node_modules|design)\/|\.vitepress/.test(path))
      .map((path) => readFileSync(join(root, directory, path), 'utf8'));
  const texts = [...under('docs', '.md'), ...under('src', '.ts').map((text) => text.replace(/^ +\* ?/gm, ''))];
  const codes = texts.flatMap((text) =>
    [...text.matchAll(/^```ts(?: no-run)?\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code),
  );
  return new Set(codes);
}

/** As a page shows it: without what the compiler needs and the reader does not. */
export const shownCode = (code) => code.replace(/^[\s\S]*?\/\/ ---cut---\n/, '');

/** The key of a block in the map: what is shown of it. */
export const keyOf = (code) => createHash('sha1').update(code.trimEnd()).digest('base64url').slice(0, 12);

/** A program of the source and all blocks. */
export function openProgram() {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    { noEmit: true, skipLibCheck: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const options = { ...config.options, noUnusedLocals: false };
  const entries = ['index', 'aggregators', 'kafka', 'node', 'opentelemetry', 'prometheus', 'testing', 'workers'];
  const sources = new Map(entries.map((entry) => [entry, join(root, `src/${entry}.ts`)]));
  const files = new Map([...blocks()].map((code, i) => [join(root, `.cache/docs/block-${i}.ts`), code]));
  const host = ts.createCompilerHost(options, true);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => (files.has(path) ? `${files.get(path)}\nexport {};\n` : readFile(path));
  const program = ts.createProgram([...sources.values(), ...files.keys()], options, host);
  return { program, sources, files };
}

/** Writes the types of the names of every block, by its key: where a name is, and what it is. Returns how many there are. */
export function writeTypes({ program, files }) {
  const checker = program.getTypeChecker();
  const map = {};
  let count = 0;
  for (const [path, code] of files) {
    const shown = shownCode(code);
    const cut = code.length - shown.length;
    const source = program.getSourceFile(path);
    const found = [];
    /** Names of imports and variables are the same wherever they are used. */
    const seen = new Map();
    const visit = (node) => {
      if (ts.isImportDeclaration(node)) return;
      if (ts.isIdentifier(node) && node.getStart(source) >= cut && !untold.has(node.text)) {
        const text = typeOf(node, checker, seen);
        if (text) found.push([node.getStart(source) - cut, node.text.length, text]);
      }
      ts.forEachChild(node, visit);
    };
    if (source) visit(source);
    map[keyOf(shown)] = found;
    count += found.length;
  }
  const folder = join(root, '.cache/docs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'types.json'), JSON.stringify(map));
  return count;
}

/** Everybody knows what they are. */
const untold = new Set(['console', 'log', 'undefined', 'JSON', 'Math', 'String', 'Number']);

const { NoTruncation, UseAliasDefinedOutsideCurrentScope, WriteArrayAsGenericType } = ts.TypeFormatFlags;
const format = (NoTruncation | UseAliasDefinedOutsideCurrentScope) & ~WriteArrayAsGenericType;

/** What a name is; of a function that is called, the signature of this call. */
function typeOf(node, checker, seen) {
  const call = callOf(node);
  const symbol = call ? undefined : checker.getSymbolAtLocation(node);
  if (!call && (!symbol || seen.has(symbol))) return seen.get(symbol);
  const signature = call && checker.getResolvedSignature(call);
  const type = signature
    ? checker.signatureToString(signature, undefined, format)
    : `: ${checker.typeToString(checker.getTypeAtLocation(node), undefined, format)}`;
  const text = `${node.text}${type}`.replaceAll(/\s+/g, ' ');
  const short = text.length > maxCharacters ? `${text.slice(0, maxCharacters - 1)}…` : text;
  const told = text.endsWith(': any') ? undefined : short;
  if (symbol) seen.set(symbol, told);
  return told;
}

/** The call whose function has this name. */
function callOf(node) {
  const named = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ? node.parent : node;
  const { parent } = named;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === named
    ? parent
    : undefined;
}
