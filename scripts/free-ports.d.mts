/** Ports of 127.0.0.1 on which nobody listens, all different. */
export function freePorts(count: number): Promise<number[]>;
