import { join } from 'node:path';
import {
  API,
  type Checker,
  type Symbol as Entity,
  type Signature,
  SignatureKind,
  SymbolFlags,
  type Type,
  TypeFlags,
} from 'typescript/unstable/sync';
import { root } from '../support/operators.js';

// The public functions with their parameters and options, as the compiler sees them.

/** A parameter or an option. */
export interface DeclaredOption {
  readonly name: string;
  readonly required: boolean;
  /** Its docstring, with the tags. */
  readonly text: string;
  readonly values: Values;
  /** Its own options, where it is an object of options. */
  readonly fields: readonly DeclaredOption[];
}

export interface DeclaredFunction {
  /** Such as `dstream/node`. */
  readonly entry: string;
  readonly name: string;
  readonly isClass: boolean;
  /** The errors of its `@throws`. */
  readonly throws: readonly string[];
  readonly parameters: readonly DeclaredOption[];
}

/** What a type allows, as far as it is known without running a check. */
export interface Values {
  /** Of any type: nothing is known to be bad. */
  readonly any: boolean;
  readonly kinds: ReadonlySet<'number' | 'string' | 'boolean' | 'bigint' | 'undefined' | 'null' | 'function' | 'array'>;
  /** Allowed strings, where not all are. */
  readonly literals: ReadonlySet<string>;
  /** Of each object type that is allowed, the names that it must have. */
  readonly objects: readonly (readonly string[])[];
}

const entries = ['index', 'aggregators', 'kafka', 'node', 'opentelemetry', 'prometheus', 'testing', 'workers'] as const;

export function declaredFunctions(): readonly DeclaredFunction[] {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProject: join(root, 'tsconfig.build.json') }).getProjects();
    if (project === undefined) throw new Error('the compiler opened no project');
    const { program, checker } = project;
    const reader = new OptionReader(checker);
    return entries.flatMap((entry) => {
      const file = program.getSourceFile(join(root, `src/${entry}.ts`));
      const module = file && checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`src/${entry}.ts is not part of the project`);
      return checker.getExportsOfModule(module).flatMap((exported) => {
        const entity = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
        if (entity.name.endsWith('Error') || !(entity.flags & (SymbolFlags.Function | SymbolFlags.Class))) return [];
        const isClass = (entity.flags & SymbolFlags.Class) !== 0;
        const type = checker.getTypeOfSymbol(entity);
        const kind = isClass ? SignatureKind.Construct : SignatureKind.Call;
        const construct = entity.getMembers().get('__constructor' as never);
        const tags = [...entity.getJsDocTags(checker), ...(construct?.getJsDocTags(checker) ?? [])];
        const throws = tags.flatMap(({ name, text }) =>
          name === 'throws' ? [/^\{(\w+)\}/.exec(String(text))?.[1]] : [],
        );
        return [
          {
            entry: entry === 'index' ? 'dstream' : `dstream/${entry}`,
            name: exported.name,
            isClass,
            throws: throws.filter((name) => name !== undefined),
            parameters: type ? reader.parameters(checker.getSignaturesOfType(type, kind)) : [],
          },
        ];
      });
    });
  } finally {
    api.close();
  }
}

class OptionReader {
  readonly #checker: Checker;
  readonly #values = new Map<number, Values>();

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  /** Of all overloads together: what one of them allows is allowed. */
  parameters(signatures: readonly Signature[]): readonly DeclaredOption[] {
    const length = Math.max(0, ...signatures.map((signature) => signature.getParameters().length));
    return Array.from({ length }, (_, i) => {
      const found = signatures.flatMap((signature) => {
        const symbol = signature.getParameters()[i];
        const type = symbol && this.#checker.getTypeOfSymbol(symbol);
        return type ? [{ symbol, type }] : [];
      });
      const name = found.at(-1)?.symbol.name ?? '';
      const optional = found.some(
        ({ symbol, type }) => mayBeLeftOut(symbol) || this.#valuesOf(type).kinds.has('undefined'),
      );
      const types = found.map(({ type }) => type);
      return {
        name,
        required: found.length === signatures.length && !optional,
        text: '',
        values: union(types.map((type) => this.#valuesOf(type))),
        fields: name === 'options' || types.some(isOptions) ? this.#fieldsOf(types, new Set()) : [],
      };
    });
  }

  #fieldsOf(types: readonly Type[], within: ReadonlySet<number>): readonly DeclaredOption[] {
    const byName = new Map<string, { readonly symbol: Entity; readonly types: Type[] }>();
    const objects = types.flatMap(constituents).filter((type) => this.#isShape(type) && !within.has(type.id));
    for (const object of objects) {
      for (const symbol of this.#checker.getPropertiesOfType(object)) {
        const type = this.#checker.getTypeOfSymbol(symbol);
        const known = byName.get(symbol.name);
        if (type && known) known.types.push(type);
        else if (type) byName.set(symbol.name, { symbol, types: [type] });
      }
    }
    const deeper = new Set([...within, ...objects.map(({ id }) => id)]);
    return Array.from(byName.values(), ({ symbol, types: own }) => {
      const tags = symbol.getJsDocTags(this.#checker).map((tag) => `@${tag.name} ${String(tag.text ?? '')}`);
      const values = union(own.map((type) => this.#valuesOf(type)));
      return {
        name: symbol.name,
        required:
          !(symbol.flags & SymbolFlags.Optional) && !values.kinds.has('undefined') && own.length === objects.length,
        text: [symbol.getDocumentationComment(this.#checker), ...tags].join('\n'),
        values,
        fields: this.#fieldsOf(own, deeper),
      };
    });
  }

  /** An object of options, and no port, which has methods that must be there. */
  #isShape(type: Type): boolean {
    if (!(type.flags & (TypeFlags.Object | TypeFlags.Intersection)) || this.#isCallable(type)) return false;
    if (this.#checker.isArrayLikeType(type)) return false;
    if (hasPrimitive(type)) return false;
    const properties = this.#checker.getPropertiesOfType(type);
    if (properties.length === 0) return false;
    const own = properties.every((property) =>
      property.declarations.every((handle) =>
        handle.resolve()?.getSourceFile().fileName.startsWith(join(root, 'src/')),
      ),
    );
    if (!own) return false;
    if (isOptions(type)) return true;
    return properties.every((property) => {
      const of = this.#checker.getTypeOfSymbol(property);
      return property.flags & SymbolFlags.Optional || !of || !this.#isCallable(of);
    });
  }

  #isCallable(type: Type): boolean {
    return [SignatureKind.Call, SignatureKind.Construct].some(
      (kind) => this.#checker.getSignaturesOfType(type, kind).length > 0,
    );
  }

  #valuesOf(type: Type): Values {
    const known = this.#values.get(type.id);
    if (known) return known;
    // A type that contains itself.
    this.#values.set(type.id, anything);
    const values = this.#newValuesOf(type);
    this.#values.set(type.id, values);
    return values;
  }

  #newValuesOf(type: Type): Values {
    const { flags } = type;
    if (type.isUnionType()) return union(constituents(type).map((part) => this.#valuesOf(part)));
    if (flags & TypeFlags.StringLiteral)
      return { ...nothing, literals: new Set([String((type as { value?: unknown }).value)]) };
    const kind = primitives.find(([flag]) => flags & flag)?.[1];
    if (kind) return { ...nothing, kinds: new Set([kind]) };
    if (flags & TypeFlags.Instantiable) {
      const constraint = this.#checker.getBaseConstraintOfType(type);
      return constraint && constraint.id !== type.id && !(constraint.flags & TypeFlags.AnyOrUnknown)
        ? this.#valuesOf(constraint)
        : anything;
    }
    if (!(flags & (TypeFlags.Object | TypeFlags.Intersection))) return flags & TypeFlags.Never ? nothing : anything;
    if (this.#isCallable(type)) return { ...nothing, kinds: new Set(['function']) };
    if (this.#checker.isArrayLikeType(type)) return { ...nothing, kinds: new Set(['array']) };
    if (hasPrimitive(type)) return nothing;
    const needed = this.#checker
      .getPropertiesOfType(type)
      .filter((property) => !(property.flags & SymbolFlags.Optional))
      .map(({ name }) => name);
    return { ...nothing, objects: [needed] };
  }
}

/** By a question mark, a default value, or as the rest of the parameters. */
function mayBeLeftOut(parameter: Entity): boolean {
  return parameter.declarations.some((handle) => {
    const { initializer, questionToken, dotDotDotToken } = (handle.resolve() ?? {}) as {
      readonly initializer?: unknown;
      readonly questionToken?: unknown;
      readonly dotDotDotToken?: unknown;
    };
    return Boolean(initializer ?? questionToken ?? dotDotDotToken);
  });
}

const nothing: Values = { any: false, kinds: new Set(), literals: new Set(), objects: [] };
const anything: Values = { ...nothing, any: true };

const primitives = [
  [TypeFlags.Number | TypeFlags.NumberLiteral, 'number'],
  [TypeFlags.String | TypeFlags.TemplateLiteral, 'string'],
  [TypeFlags.BooleanLike, 'boolean'],
  [TypeFlags.BigIntLike, 'bigint'],
  [TypeFlags.Undefined | TypeFlags.Void, 'undefined'],
  [TypeFlags.Null, 'null'],
] as const;

function union(all: readonly Values[]): Values {
  return {
    any: all.some(({ any }) => any),
    kinds: new Set(all.flatMap(({ kinds }) => [...kinds])),
    literals: new Set(all.flatMap(({ literals }) => [...literals])),
    objects: all.flatMap(({ objects }) => objects),
  };
}

function constituents(type: Type): readonly Type[] {
  return type.isUnionType() ? type.getTypes() : [type];
}

/** Of a text and an object, say: no value is both. */
function hasPrimitive(type: Type): boolean {
  return type.isIntersectionType() && type.getTypes().some(({ flags }) => flags & TypeFlags.Primitive);
}

function isOptions(type: Type): boolean {
  const names = [type.getAliasSymbol()?.name, type.getSymbol()?.name];
  return names.some((name) => name?.endsWith('Options'));
}
