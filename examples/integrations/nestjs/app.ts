import { Controller, Inject, Injectable, type MessageEvent, Module, Sse } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import {
  type BatchContext,
  foreachBatch,
  json,
  logBatches,
  mapRecords,
  memoryLog,
  type Pair,
  reduceByKeyAndWindow,
} from 'dstream';
import { map, type Observable, ReplaySubject } from 'rxjs';
import { PipelineModule } from './pipelineModule.js';

export interface Order {
  readonly product: string;
  readonly cents: number;
}

/** What was sold in the last minute. A service like any other, which pipelines write and controllers read. */
@Injectable()
export class Totals {
  readonly latest = new ReplaySubject<readonly Pair<string, number>[]>(1);
}

@Module({ providers: [Totals], exports: [Totals] })
class TotalsModule {}

@Controller()
export class OrdersController {
  constructor(@Inject(Totals) private readonly totals: Totals) {}

  /** One call for each batch: one insert of many rows. */
  @EventPattern('orders')
  async save(@Payload() orders: readonly Order[], @Ctx() { time }: BatchContext): Promise<void> {
    if (orders.length > 0) console.log(`${new Date(time).toISOString()} insert ${orders.length} orders`);
  }

  @Sse('totals')
  stream(): Observable<MessageEvent> {
    return this.totals.latest.pipe(map((data) => ({ data: [...data] })));
  }
}

/** Stands in for Kafka: there it is `kafkaBatches(kafka, options)` instead of `logBatches(log, options)`. */
export const log = memoryLog({ topics: { orders: 2 } });

export const open = (topic: string, groupId: string) =>
  logBatches(log, { topics: [topic], groupId, start: 'earliest', interval: 1_000, deserialize: json<Order>() });

@Module({
  imports: [
    TotalsModule,
    PipelineModule.forRoot({
      imports: [TotalsModule],
      inject: [Totals],
      useFactory: (totals: Totals) => {
        const stream = open('orders', 'totals');
        const output = stream.pipe(
          mapRecords(({ product, cents }) => [product, cents]),
          reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 60_000 }),
          foreachBatch((sums) => totals.latest.next(sums)),
        );
        return { stream, output };
      },
    }),
  ],
  controllers: [OrdersController],
})
export class AppModule {}
