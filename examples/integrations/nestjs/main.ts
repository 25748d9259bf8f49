import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { AppModule, log, open } from './app.js';
import { BatchServer } from './batchServer.js';

const app = await NestFactory.create(AppModule);
app.connectMicroservice<MicroserviceOptions>({ strategy: new BatchServer((topic) => open(topic, 'orders')) });
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(process.env.PORT ?? 3_000);

const products = ['tea', 'milk', 'sugar'];
const producer = setInterval(() => {
  const product = products[Math.floor(Math.random() * products.length)];
  log.append('orders', [{ value: JSON.stringify({ product, cents: 250 }) }]);
}, 100);
producer.unref();
