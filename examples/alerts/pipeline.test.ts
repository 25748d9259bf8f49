import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesFrom, batchesSource, foreachBatch } from 'dstream';
import { TestScheduler } from 'rxjs/testing';
import { type Card, largeCents, type Payment } from './payment.js';
import { type Alert, alertsOf, confirmationTimeoutMs } from './pipeline.js';

const payment = (id: number, more: Partial<Payment> = {}): Payment => ({
  id,
  kind: 'payment',
  card: 'ann',
  cents: 100,
  country: 'home',
  at: id * 1_000,
  ...more,
});
const ann: readonly [string, Card] = ['ann', { limitCents: 60_000 }];

/** The alerts of payments that come in these batches, one a second, and when they come. */
function alertsFor(batches: readonly (readonly Payment[])[]): readonly (readonly [time: number, alert: Alert])[] {
  const found: (readonly [number, Alert])[] = [];
  new TestScheduler(assert.deepEqual).run(() => {
    const inputs = batchesFrom(
      { payments: batchesSource(batches), cards: batchesSource([[ann]]) },
      { interval: 1_000 },
    );
    const alerts = alertsOf(inputs);
    alerts
      .pipe(foreachBatch((records, { time }) => void found.push(...records.map((alert) => [time, alert] as const))))
      .subscribe(({ context }) => {
        if (context.time >= batches.length * 1_000) void inputs.payments.stop();
      });
  });
  return found;
}

test('a payment over the limit of its card', () => {
  const confirmed = payment(1, { cents: 70_000, kind: 'confirmation' });
  assert.deepEqual(alertsFor([[payment(1, { cents: 70_000 })], [confirmed]]), [
    [1_000, { card: 'ann', payment: 1, reason: 'over the limit' }],
  ]);
});

test('two countries within an hour', () => {
  const later = payment(2, { country: 'abroad', at: 3_700_000 });
  assert.deepEqual(alertsFor([[payment(1)], [later], [payment(3, { at: 3_800_000 })]]), [
    [3_000, { card: 'ann', payment: 3, reason: 'impossible journey' }],
  ]);
});

test('a large payment that nobody confirms in time', () => {
  const large = payment(1, { cents: largeCents });
  const quiet = Array.from({ length: confirmationTimeoutMs / 1_000 + 1 }, () => []);
  assert.deepEqual(alertsFor([[large], ...quiet]), [
    [confirmationTimeoutMs + 2_000, { card: 'ann', payment: 1, reason: 'not confirmed' }],
  ]);
  assert.deepEqual(alertsFor([[large], [{ ...large, kind: 'confirmation' }], ...quiet]), []);
});
