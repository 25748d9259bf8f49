/** Bound on one request to a broker: its response is decoded while the next one is on its way. */
export const maxRequestBytes = 4 * 1024 * 1024;
/** Bound on one partition of a request. It is used in full where that much is wanted, because a cut record batch is sent again. */
export const maxPartitionBytes = 1024 * 1024;
/** What is fetched from a partition to learn the size of its records. */
export const sampleBytes = 64 * 1024;
