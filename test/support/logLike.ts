import type { LogClient } from 'dstream';

/** The log with some methods replaced. */
export function logLike(log: LogClient, methods: Partial<LogClient>): LogClient {
  return new Proxy(log, {
    get: (target, name) => {
      const method = Reflect.get(methods, name) ?? Reflect.get(target, name);
      // Bound, because a log may have private fields.
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}
