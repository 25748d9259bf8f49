import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { healthAnswer } from '../../src/monitors/healthAnswer.js';
import { root } from '../support/operators.js';

const read = (page: string) => readFileSync(join(root, 'docs', page), 'utf8');
const page = read('kubernetes.md');
const seconds = (text: string | undefined) => Number(text) / 1_000;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly minReadySeconds: number;
    readonly strategy?: { readonly rollingUpdate: { readonly maxSurge: number; readonly maxUnavailable: number } };
    readonly selector: { readonly matchLabels: object };
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly ports: readonly { readonly name: string }[];
          readonly lifecycle?: object;
          readonly livenessProbe: Probe;
          readonly readinessProbe: Probe;
        }[];
      };
    };
  };
}

interface ScaledObject {
  readonly apiVersion: string;
  readonly kind: 'ScaledObject';
  readonly spec: {
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly triggers: readonly { readonly type: string; readonly metadata: Readonly<Record<string, unknown>> }[];
  };
}

const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
  ([, text = '']) => parse(text) as { kind: string },
);
const manifests = blocks.filter(({ kind }) => kind !== 'ScaledObject') as unknown as readonly Manifest[];
const scaled = blocks.find(({ kind }) => kind === 'ScaledObject') as unknown as ScaledObject;

/** The names of the fields that these manifests may have, as the APIs of Kubernetes and KEDA have them. */
const fields = new Set(
  `apiVersion kind metadata name labels app spec replicas serviceName podManagementPolicy minReadySeconds strategy type
  rollingUpdate maxSurge maxUnavailable selector matchLabels template terminationGracePeriodSeconds containers image env value
  valueFrom fieldRef fieldPath ports containerPort livenessProbe readinessProbe httpGet path port periodSeconds timeoutSeconds
  failureThreshold scaleTargetRef minReplicaCount maxReplicaCount pollingInterval advanced horizontalPodAutoscalerConfig behavior
  scaleUp scaleDown stabilizationWindowSeconds policies triggers bootstrapServers consumerGroup topic lagThreshold
  offsetResetPolicy allowIdleConsumers`.split(/\s+/),
);

const namesIn = (value: unknown): readonly string[] =>
  value === null || typeof value !== 'object'
    ? []
    : Object.entries(value).flatMap(([name, inner]) => [...(Array.isArray(value) ? [] : [name]), ...namesIn(inner)]);

describe('the manifests for Kubernetes', () => {
  it('are one StatefulSet, one Deployment and one ScaledObject, with fields that are there', () => {
    const kinds = blocks.map((one) => `${(one as unknown as Manifest).apiVersion} ${one.kind}`);
    expect(kinds).toEqual(['apps/v1 StatefulSet', 'apps/v1 Deployment', 'keda.sh/v1alpha1 ScaledObject']);
    expect(blocks.flatMap(namesIn).filter((name) => !fields.has(name))).toEqual([]);
  });

  it.each(manifests.map((manifest) => [manifest.kind, manifest.spec] as const))(
    '%s: the numbers fit together',
    (kind, spec) => {
      const { terminationGracePeriodSeconds: grace, containers } = spec.template.spec;
      const [{ env, ports, lifecycle, livenessProbe, readinessProbe } = containers[0]!] = containers;
      const values = new Map(env.map(({ name, value }) => [name, value]));
      const [session, drain] = [seconds(values.get('SESSION_TIMEOUT')), seconds(values.get('DRAIN_MS'))];
      expect(lifecycle).toBeUndefined();
      expect(grace).toBeGreaterThanOrEqual(drain + 5);
      expect(spec.minReadySeconds).toBeGreaterThanOrEqual(session / 10);
      expect(session).toBeGreaterThanOrEqual(kind === 'StatefulSet' ? grace + 20 : 6);
      // A static id is for pods that come back under their names.
      expect(values.has('INSTANCE_ID')).toBe(kind === 'StatefulSet');
      expect(livenessProbe.periodSeconds * livenessProbe.failureThreshold).toBeGreaterThanOrEqual(30);
      for (const { httpGet, periodSeconds, timeoutSeconds } of [livenessProbe, readinessProbe]) {
        expect(timeoutSeconds).toBeLessThan(periodSeconds);
        expect(ports.map(({ name }) => name)).toContain(httpGet.port);
      }
      expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
      expect(spec.replicas + (spec.strategy?.rollingUpdate.maxSurge ?? 0)).toBeLessThanOrEqual(
        scaled.spec.maxReplicaCount,
      );
      // What the program of the page reads.
      for (const name of values.keys()) expect(page).toContain(`process.env.${name}`);
    },
  );

  it('ask the paths that health answers', () => {
    const health = { check: () => ({ live: true, ready: false, streams: [] }) };
    for (const { spec } of manifests) {
      const [container] = spec.template.spec.containers;
      expect(healthAnswer(health, 'GET', container?.livenessProbe.httpGet.path ?? '').status).toBe(200);
      expect(healthAnswer(health, 'GET', container?.readinessProbe.httpGet.path ?? '').status).toBe(503);
    }
  });

  it('scale the Deployment of the page by the group and the topic of its program', () => {
    const { scaleTargetRef, minReplicaCount, maxReplicaCount, triggers } = scaled.spec;
    expect(
      manifests.some(({ kind, metadata }) => kind === scaleTargetRef.kind && metadata.name === scaleTargetRef.name),
    ).toBe(true);
    expect(minReplicaCount).toBeGreaterThanOrEqual(2);
    expect(maxReplicaCount).toBeGreaterThan(minReplicaCount);
    const [{ type, metadata } = { type: '', metadata: {} }] = triggers;
    expect(type).toBe('kafka');
    expect(page).toContain(`groupId: '${metadata.consumerGroup}'`);
    expect(page).toContain(`topics: ['${metadata.topic}']`);
    // KEDA takes texts.
    for (const value of Object.values(metadata)) expect(value).toEqual(expect.any(String));
    const [, rate = '', behind = '', threshold = ''] =
      /works off ([\d,]+) records a second and may be (\d+) s behind, ([\d,]+)\./.exec(page.replaceAll(/\s+/g, ' ')) ??
      [];
    const number = (text: string) => Number(text.replaceAll(',', ''));
    expect(number(threshold)).toBe(number(rate) * number(behind));
    expect(metadata.lagThreshold).toBe(`${number(threshold)}`);
  });

  it('have in the table of rules the numbers that they have', () => {
    const [statefulSet, deployment] = manifests.map(({ spec }) => spec);
    const { terminationGracePeriodSeconds: grace, containers } = statefulSet!.template.spec;
    const values = new Map(containers[0]!.env.map(({ name, value }) => [name, value]));
    expect(page).toContain(`| ${grace} ≥ 0 + ${seconds(values.get('DRAIN_MS'))} + 5 |`);
    expect(page).toContain(`| ${seconds(values.get('SESSION_TIMEOUT'))} ≥ ${grace} + 20 |`);
    const replicas = deployment!.replicas + deployment!.strategy!.rollingUpdate.maxSurge;
    expect(page).toContain(`| ${replicas} ≤ ${scaled.spec.maxReplicaCount} |`);
  });
});

describe('the page on planning partitions', () => {
  it('has the shares of processes as they are divided', () => {
    const text = read('partitions.md');
    const processes = [3, 5, 7];
    for (const tasks of [8, 12, 24, 48]) {
      const cells = processes.map((count) => {
        const most = Math.ceil(tasks / count);
        return `${most}, +${(100 * (most / (tasks / count) - 1)).toFixed(1)}%`;
      });
      expect(text).toContain(`| ${tasks} | ${cells.join(' | ')} |`);
    }
  });
});
