/** A group answers a join when all members have joined or their time is up; how long its answer may take from then on, in ms. */
export const joinMarginMs = 5_000;
