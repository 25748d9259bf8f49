import { transform } from 'sucrase';

/** A program as CommonJS without its types, each line where it was. */
export function toCommonJs(code: string): string {
  return transform(code, { transforms: ['typescript', 'imports'], disableESTransforms: true, production: true }).code;
}
