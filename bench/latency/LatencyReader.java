import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** The same as reader.ts, with Java's consumer in a loop of `poll`: java LatencyReader BROKERS TOPIC. */
public final class LatencyReader {
  private static double now() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1e3 + now.getNano() / 1e6;
  }

  private static double cpuMs() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e6;
  }

  public static void main(String[] args) throws Exception {
    Properties options = new Properties();
    options.put("bootstrap.servers", args[0]);
    options.put("enable.auto.commit", "false");
    List<Double> delays = new ArrayList<>();
    double startedAt = Double.POSITIVE_INFINITY;
    double cpuAtStart = 0;
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    try (var consumer = new KafkaConsumer<>(options, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(args[1]).stream()
              .map(info -> new TopicPartition(info.topic(), info.partition()))
              .collect(Collectors.toList());
      consumer.assign(partitions);
      consumer.seekToEnd(partitions);
      partitions.forEach(consumer::position);
      System.out.println("ready");
      while (true) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          double at = Double.parseDouble(record.value());
          if (at >= startedAt) delays.add(now() - at);
        }
        if (!input.ready()) continue;
        if (input.readLine().equals("start")) {
          startedAt = now();
          cpuAtStart = cpuMs();
          continue;
        }
        double core = (cpuMs() - cpuAtStart) / (now() - startedAt);
        System.out.println("{\"core\":" + core + ",\"delays\":" + delays + "}");
        return;
      }
    }
  }
}
