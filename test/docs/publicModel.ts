import { join } from 'node:path';
import { type HeritageClause, SyntaxKind } from 'typescript/unstable/ast';
import { API, type Checker, type Symbol as Entity, SymbolFlags, type Type } from 'typescript/unstable/sync';
import { root } from '../support/operators.js';
import { throwingOf } from './throwing.js';

// What the compiler knows of the public names: their docstrings, the fields of their types, and what they throw.

export interface Documented {
  /** Such as `dstream/node: FileCheckpointOptions.fsync`. */
  readonly path: string;
  readonly name: string;
  /** Without the tags; empty where there is no docstring. */
  readonly text: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
}

export interface Field extends Documented {
  readonly optional: boolean;
  readonly type: string;
}

export interface PublicName extends Documented {
  readonly fields: readonly Field[];
  /** The errors that a call of the function throws, itself or in a function that it calls; not those of notifications. */
  readonly throws: ReadonlySet<string>;
}

const entries = ['index', 'aggregators', 'kafka', 'node', 'opentelemetry', 'prometheus', 'testing', 'workers'] as const;

export function publicNames(): readonly PublicName[] {
  return ofExports((checker, entity, path, name) => ({
    ...documented(checker, entity, path, name),
    fields: fieldsOf(checker, entity, path),
    throws: throwingOf(checker, entity),
  }));
}

/** Of all public names: such as `dstream/node: FileCheckpointOptions`. */
export const publicPaths = (): readonly string[] => ofExports((_, __, path) => path);

function ofExports<T>(take: (checker: Checker, entity: Entity, path: string, name: string) => T): readonly T[] {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProject: join(root, 'tsconfig.build.json') }).getProjects();
    if (project === undefined) throw new Error('the compiler opened no project');
    const { program, checker } = project;
    return entries.flatMap((entry) => {
      const file = program.getSourceFile(join(root, `src/${entry}.ts`));
      const module = file && checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`src/${entry}.ts is not part of the project`);
      const prefix = entry === 'index' ? 'dstream' : `dstream/${entry}`;
      return checker.getExportsOfModule(module).map((exported) => {
        const entity = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
        return take(checker, entity, `${prefix}: ${exported.name}`, exported.name);
      });
    });
  } finally {
    api.close();
  }
}

function documented(checker: Checker, entity: Entity, path: string, name: string): Documented {
  const construct = entity.getMembers().get('__constructor' as never);
  const all = [...entity.getJsDocTags(checker), ...(construct?.getJsDocTags(checker) ?? [])];
  const tags = all.map((tag) => ({ name: tag.name, text: String(tag.text ?? '') }));
  return { path, name, text: entity.getDocumentationComment(checker), tags };
}

/** Of an interface, a class or a type of an object: what is declared in this repository and can be used from outside. */
function fieldsOf(checker: Checker, entity: Entity, path: string): readonly Field[] {
  if (!(entity.flags & (SymbolFlags.Interface | SymbolFlags.Class | SymbolFlags.TypeAlias))) return [];
  const fields: Field[] = [];
  const type = checker.getDeclaredTypeOfSymbol(entity);
  for (const property of checker.getPropertiesOfType(type)) {
    const declaration = property.declarations[0]?.resolve();
    if (!declaration?.getSourceFile().fileName.startsWith(join(root, 'src/'))) continue;
    const { modifiers } = declaration as { readonly modifiers?: readonly { readonly kind: SyntaxKind }[] };
    const hidden = modifiers?.some(({ kind }) =>
      [SyntaxKind.PrivateKeyword, SyntaxKind.ProtectedKeyword].includes(kind),
    );
    const field = documented(checker, property, `${path}.${property.name}`, property.name);
    if (hidden || property.name.startsWith('__') || field.tags.some(({ name }) => name === 'internal')) continue;
    // `name` of an error is the error's own.
    if (field.name === 'name' && entity.name.endsWith('Error')) continue;
    fields.push({
      ...field,
      text: field.text || inherited(checker, type, property.name),
      optional: (property.flags & SymbolFlags.Optional) !== 0,
      type: checker.typeToString(checker.getTypeOfSymbolAtLocation(property, declaration)),
    });
  }
  return fields;
}

/** What the classes and interfaces that a type extends or implements say of a field. */
function inherited(checker: Checker, type: Type, field: string): string {
  for (const handle of type.getSymbol()?.declarations ?? []) {
    const { heritageClauses = [] } = handle.resolve() as { readonly heritageClauses?: Iterable<HeritageClause> };
    for (const { types } of heritageClauses) {
      for (const node of types) {
        const base = checker.getTypeAtLocation(node);
        if (!base) continue;
        const text = checker.getPropertyOfType(base, field)?.getDocumentationComment(checker);
        const found = text || inherited(checker, base, field);
        if (found) return found;
      }
    }
  }
  return '';
}
