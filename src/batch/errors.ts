// The one closed family of errors, so that `error.code` can be switched over; facts are in fields, not only in the
// message.

export * from './errors/dstreamError.js';
export * from './errors/pipelineErrors.js';
export * from './errors/sourceErrors.js';
export * from './errors/storageErrors.js';
export * from './errors/threadErrors.js';
