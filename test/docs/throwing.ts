import { join } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { type Checker, type Symbol as Entity, SymbolFlags } from 'typescript/unstable/sync';
import { root } from '../support/operators.js';

// Which errors a call of a function throws: `throw new X()` in its body, and in the functions and constructors of this
// repository that it calls. A nested function runs later, and an error in a `try` with a `catch` may not leave it.

const found = new Map<number, ReadonlySet<string>>();

const functions = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
  SyntaxKind.ClassDeclaration,
  SyntaxKind.ClassExpression,
]);

export function throwingOf(checker: Checker, entity: Entity): ReadonlySet<string> {
  const known = found.get(entity.id);
  if (known) return known;
  const errors = new Set<string>();
  // Before the bodies are read: a function that calls itself adds nothing.
  found.set(entity.id, errors);
  if (!(entity.flags & (SymbolFlags.Function | SymbolFlags.Class))) return errors;
  for (const handle of entity.declarations) {
    const declaration = handle.resolve();
    if (!declaration?.getSourceFile().fileName.startsWith(join(root, 'src/'))) continue;
    for (const body of bodiesOf(declaration)) collect(checker, body, errors);
  }
  return errors;
}

function bodiesOf(declaration: Node): readonly Node[] {
  const { body, members = [] } = declaration as { readonly body?: Node; readonly members?: Iterable<Node> };
  if (body !== undefined) return [body];
  return [...members].filter(({ kind }) => kind === SyntaxKind.Constructor).flatMap(bodiesOf);
}

function collect(checker: Checker, node: Node, errors: Set<string>): void {
  if (functions.has(node.kind)) return;
  const { expression, catchClause, finallyBlock } = node as {
    readonly expression?: Node;
    readonly catchClause?: Node;
    readonly finallyBlock?: Node;
  };
  if (node.kind === SyntaxKind.TryStatement && catchClause) {
    collect(checker, catchClause, errors);
    if (finallyBlock) collect(checker, finallyBlock, errors);
    return;
  }
  if (node.kind === SyntaxKind.ThrowStatement && expression?.kind === SyntaxKind.NewExpression) {
    const thrown = (expression as unknown as { readonly expression: Node }).expression;
    errors.add(thrown.getText());
  } else if ((node.kind === SyntaxKind.CallExpression || node.kind === SyntaxKind.NewExpression) && expression) {
    const symbol = expression.kind === SyntaxKind.Identifier ? checker.getSymbolAtLocation(expression) : undefined;
    if (symbol) {
      const called = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      for (const error of throwingOf(checker, called)) errors.add(error);
    }
  }
  node.forEachChild((child) => {
    collect(checker, child, errors);
    return undefined;
  });
}
