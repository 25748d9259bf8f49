/** Whether more is tried than `npm test` has the time for: `npm run test:nightly` sets it. */
export const nightly = process.env.DSTREAM_NIGHTLY === '1';
