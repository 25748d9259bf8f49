import { type Observable, Subject } from 'rxjs';
import type { AnyStateDescription } from '../batch/announcements.js';
import type { BatchState, PublishedState, StateDescription } from '../batch/batchState.js';
import type { CommittedState } from '../batch/committedState.js';
import { DuplicateIdError, IncompatibleStateError, MissingIdError, StateClosedError } from '../batch/errors.js';
import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { StateSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { CheckpointSession, RestoredState } from './checkpoint.js';
import { CommittedCopy } from './committedCopy.js';
import { KeyTable } from './keyTable.js';
import { MemoryKeyedState, type SaveChanges } from './memoryKeyedState.js';
import { readsSignature } from './readsSignature.js';
import { encodeSavable } from './savableState.js';

/** What becomes of the states of a checkpoint that no operator of the stream asks for. */
export type Orphans = 'refuse' | 'drop' | 'keep';

/**
 * The states of all operators of one running stream: opens them, restored, under unique ids, and collects what each batch
 * changed until the driver saves it.
 */
export class StateRegistry implements BatchState {
  readonly #session: CheckpointSession | undefined;
  readonly #orphans: Orphans;
  readonly #command: ((action: string) => string) | undefined;
  readonly #open = new Map<string, string>();
  readonly #seen = new Set<string>();
  readonly #changes = new Map<number, unknown[]>();
  /** Copies of states that are read from outside. */
  readonly #copies = new Set<{ complete(time: number): void }>();
  /** The states that operators have open. */
  readonly #live = new Set<LiveState>();
  #completed: number | undefined;
  /** States of the checkpoint that no operator has announced. */
  #missing: readonly string[] = [];
  #restoring: Subject<never> | undefined;
  /** States that the next save removes from the checkpoint. */
  #dropped: readonly string[] = [];

  /** `command` returns the command line that does something to the checkpoint, for messages. */
  constructor(session?: CheckpointSession, orphans: Orphans = 'refuse', command?: (action: string) => string) {
    this.#session = session;
    this.#command = command;
    this.#orphans = orphans;
  }

  get durable(): boolean {
    return this.#session !== undefined;
  }

  get restoring(): Observable<never> | undefined {
    return this.#restoring;
  }

  /**
   * Called before the first batch is dispatched, with the states that operators have announced: with a checkpoint each needs an
   * id of its own, and must be able to read what was saved. If a state of the checkpoint is not among them, an operator whose
   * stream is unknown (behind `defer`, for example) may still open it at the first batch: outputs wait for `checkOpened`.
   *
   * @throws {MissingIdError} if an operator has no id
   * @throws {DuplicateIdError} if two operators have the same id
   * @throws {IncompatibleStateError} if an operator cannot read what was saved
   */
  checkAnnounced(states: Iterable<AnyStateDescription>): void {
    const session = this.#session;
    if (!session) return;
    const operators = new Map<string, string>();
    for (const description of states) {
      const { id, operator } = description;
      if (id === undefined) throw new MissingIdError(operator);
      const other = operators.get(id);
      if (other !== undefined) throw new DuplicateIdError(operator, id, other);
      operators.set(id, operator);
      const restored = session.restored?.state(id);
      if (restored) checkCompatible(description, id, restored, this.#command);
    }
    this.#missing = (session.restored?.stateIds ?? []).filter((id) => !operators.has(id));
    if (this.#missing.length > 0) this.#restoring = new Subject();
  }

  /**
   * Called when the first batch has been dispatched: every state of the checkpoint has been announced or opened by now.
   *
   * @throws {IncompatibleStateError} if an operator that had state has been removed, and orphans are refused
   */
  checkOpened(): void {
    const restoring = this.#restoring;
    const orphans = this.#missing.filter((id) => !this.#seen.has(id));
    if (this.#orphans === 'refuse') this.#refuse(orphans);
    if (this.#orphans === 'drop') this.#dropped = orphans;
    if (this.#orphans === 'keep') for (const id of orphans) this.#keep(id);
    this.#missing = [];
    this.#restoring = undefined;
    restoring?.complete();
  }

  #refuse(orphans: readonly string[]): void {
    const [id] = orphans;
    if (id === undefined) return;
    const saved = `the state of a ${this.#session?.restored?.state(id)?.operator ?? 'stateful operator'}`;
    const others =
      orphans.length > 1
        ? ` (nor ${orphans
            .slice(1)
            .map((other) => JSON.stringify(other))
            .join(', ')})`
        : '';
    const rule =
      `no operator of the stream has this id any more${others}; restore the operator with its id, ` +
      `or set orphans to 'drop' or 'keep'${this.#command ? helpFor(id, this.#command) : ''}`;
    throw new IncompatibleStateError(id, saved, 'nothing', rule);
  }

  get session(): object | undefined {
    return this.#session;
  }

  /** A store that writes snapshots needs every state for them; others hold what nobody changes by themselves. */
  #keep(id: string): void {
    const attach = this.#session?.attach?.bind(this.#session);
    const restored = this.#session?.restored?.state(id);
    if (!attach || !restored) return;
    const { operator, signature, version } = restored;
    const entries = new KeyTable<Key, unknown>(restored.entries());
    attach({ id, operator, signature, version, size: () => entries.size, entries: () => entries });
  }

  /** The states that operators have open, as a snapshot shows them. */
  snapshot(): readonly StateSnapshot[] {
    return [...this.#live].map(({ id, operator, state }) => {
      const bytes = state?.bytes;
      return { id, operator, entries: state?.size ?? 0, ...(bytes !== undefined && { bytes }) };
    });
  }

  keyed<K extends Key, S>(description: StateDescription<K, S>): KeyedState<K, S> {
    const { id, operator } = description;
    const live: LiveState = { id, operator };
    const state = this.#keyed(description, () => this.#live.delete(live));
    live.state = state;
    this.#live.add(live);
    return state;
  }

  #keyed<K extends Key, S>(description: StateDescription<K, S>, closed: () => void): KeyedState<K, S> {
    const { operator, id } = description;
    const session = this.#session;
    if (id === undefined) {
      if (session) throw new MissingIdError(operator);
      return this.#inMemory(description, undefined, undefined, closed);
    }
    const other = this.#open.get(id);
    if (other !== undefined) throw new DuplicateIdError(operator, id, other);
    // What the checkpoint had is out of date by now, and an empty state would be saved in its place.
    if (session && this.#seen.has(id)) throw new StateClosedError(operator, id);
    this.#open.set(id, operator);
    const free = () => {
      this.#open.delete(id);
      closed();
    };
    if (!session) return this.#inMemory(description, undefined, undefined, free);

    const restored = session.restored?.state(id);
    this.#seen.add(id);
    if (restored) checkCompatible(description, id, restored, this.#command);
    const { signature = '', version = 0, migrate, queryable } = description;
    const saved = { id, operator, signature, version };
    if (session.openState) {
      const changed = (time: number, change: unknown) => this.#add(time, change);
      const state = session.openState<K, S>({ ...saved, migrate, changed, closed: free });
      const committed = state.committed?.();
      if (committed) queryable?.connect(committed);
      return state;
    }
    const entries = restored && restoredEntries(description, restored);
    const save: SaveChanges<K, S> = (time, set, deleted) => {
      this.#add(
        time,
        encodeSavable(saved, set, () => session.encode({ ...saved, set, deleted })),
      );
    };
    const state = this.#inMemory(description, entries, save, free);
    // The store keeps one version per state: the first change rewrites the whole state in the current one.
    if (restored && restored.version !== version) state.touchAll();
    session.attach?.({ ...saved, size: () => state.size, entries: () => state.entries() });
    return state;
  }

  publish<K extends Key, S>(
    { operator, id }: Pick<StateDescription<K, S>, 'operator' | 'id'>,
    queryable: { connect(state: CommittedState<K, S>): void },
    restored: readonly (readonly [K, S])[] = [],
  ): PublishedState<K, S> {
    const copy = new CommittedCopy<K, S>(restored, this.#completed ?? this.#session?.restored?.time);
    this.#copies.add(copy);
    queryable.connect(copy);
    return {
      show: (time, set, deleted, all) => encodeSavable({ operator, id }, set, () => copy.add(time, set, deleted, all)),
    };
  }

  /** Returns what the batch of this time changed, encoded, and forgets it. */
  takeChanges(time: number): readonly unknown[] {
    const changes = this.#changes.get(time) ?? [];
    this.#changes.delete(time);
    return changes;
  }

  /** Returns the ids of the states that the save to come removes, once. */
  takeDropped(): readonly string[] {
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }

  /** Called when a batch is complete, and saved where there is a checkpoint: queries see it from now on. */
  completed(time: number): void {
    this.#completed = time;
    for (const copy of this.#copies) copy.complete(time);
  }

  /** A state in memory, with a copy as of the last complete batch where it is read from outside. */
  #inMemory<K extends Key, S>(
    { operator, id, queryable }: StateDescription<K, S>,
    entries: Iterable<readonly [K, S]> | undefined,
    save: SaveChanges<K, S> | undefined,
    free: (() => void) | undefined,
  ): MemoryKeyedState<K, S> {
    if (!queryable) return new MemoryKeyedState<K, S>(entries, save, free);
    let copy: CommittedCopy<K, S> | undefined;
    const changed: SaveChanges<K, S> = (time, set, deleted) => {
      save?.(time, set, deleted);
      encodeSavable({ operator, id }, set, () => copy?.add(time, set, deleted));
    };
    const close = () => {
      if (copy) this.#copies.delete(copy);
      free?.();
    };
    const state = new MemoryKeyedState<K, S>(entries, changed, close);
    copy = new CommittedCopy<K, S>(state.entries(), this.#completed ?? this.#session?.restored?.time);
    this.#copies.add(copy);
    queryable.connect(copy);
    return state;
  }

  #add(time: number, encoded: unknown): void {
    const changes = this.#changes.get(time);
    if (changes) changes.push(encoded);
    else this.#changes.set(time, [encoded]);
  }
}

interface LiveState {
  readonly id: string | undefined;
  readonly operator: string;
  state?: { readonly size: number; readonly bytes?: number | undefined };
}

function helpFor(id: string, command: (action: string) => string): string {
  const quoted = JSON.stringify(id);
  return `, or rename or remove the state: ${command(`rename ${quoted} NEW-ID`)}, ${command(`drop ${quoted}`)}`;
}

/** @throws {IncompatibleStateError} when the operator cannot read what was saved */
function checkCompatible<K extends Key, S>(
  description: StateDescription<K, S>,
  id: string,
  restored: RestoredState,
  command: ((action: string) => string) | undefined,
): void {
  const { operator, signature = '', version = 0, migrate } = description;
  if (restored.operator !== operator || !readsSignature(description, restored.signature)) {
    const saved = `${restored.operator} ${restored.signature}`.trim();
    const help = command
      ? `; give the operator another id, or begin empty: ${command(`drop ${JSON.stringify(id)}`)}`
      : '';
    const rule = `the state of another operator, or of one with other settings, cannot be read${help}`;
    throw new IncompatibleStateError(id, saved, `${operator} ${signature}`.trim(), rule);
  }
  if (restored.version === version || (migrate && restored.version < version)) return;
  const rule = restored.version > version ? 'a newer version cannot be read' : 'set migrate to read an older version';
  throw new IncompatibleStateError(id, `version ${restored.version}`, `version ${version}`, rule);
}

function restoredEntries<K extends Key, S>(
  { version = 0, migrate }: StateDescription<K, S>,
  restored: RestoredState,
): Iterable<readonly [K, S]> {
  const entries = restored.entries() as Iterable<readonly [K, unknown]>;
  if (restored.version === version || !migrate) return entries as Iterable<readonly [K, S]>;
  return migrated(entries, (key, state) => migrate(state, restored.version, key));
}

function* migrated<K, S>(
  entries: Iterable<readonly [K, unknown]>,
  migrate: (key: K, state: unknown) => S,
): Iterable<readonly [K, S]> {
  for (const [key, state] of entries) yield [key, migrate(key, state)];
}
