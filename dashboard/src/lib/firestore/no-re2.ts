/**
 * Stands in for the package re2js, which is a quarter of the bundle. The Firestore SDK needs it for regular expressions in pipelines,
 * and the dashboard has no pipelines.
 */
export const RE2JS = {
  compile(): never {
    throw new Error('this build has no re2js: pipelines with regular expressions need it (vite.config.ts)');
  },
};
