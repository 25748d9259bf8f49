/** The version of the package. `npm run release:version` writes this file. */
export const version = '0.1.0';
