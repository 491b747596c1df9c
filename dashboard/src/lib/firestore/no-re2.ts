/**
 * In place of the package re2js, a quarter of the bundle: the Firestore SDK wants it for regular expressions in pipelines, which
 * this page has none of.
 */
export const RE2JS = {
  compile(): never {
    throw new Error('this build has no re2js: pipelines with regular expressions need it (vite.config.ts)');
  },
};
