import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/**
 * Counts the records of a topic by key and window of event time, by Kafka Streams with one thread and its state in memory, each window once,
 * when it has closed. Prints how many seconds that took:
 *
 * <pre>
 *   whole     from the making of KafkaStreams, with the JVM running, to the last window
 *   reading   from the moment it runs, with its partitions assigned, to the same
 *   cpu       of the process while it reads, all its threads together: compilers and collector too
 *   wholeCpu  the same over the whole time
 * </pre>
 *
 * <p>and a checksum of all results, in whatever order they come.
 */
public final class StreamsWindows {
  private static long counted;
  private static long windows;
  private static long checksum;
  private static long begun;
  private static long cpuBegun;
  private static volatile long running;
  private static volatile long cpuRunning;

  public static void main(String[] args) {
    String brokers = args[0];
    String topic = args[1];
    long records = Long.parseLong(args[2]);
    Duration window = Duration.ofMillis(Long.parseLong(args[3]));
    Duration grace = Duration.ofMillis(Long.parseLong(args[4]));
    String directory = args[5];

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-" + UUID.randomUUID());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, directory);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put("auto.offset.reset", "earliest");

    TimeWindows minutes = TimeWindows.ofSizeAndGrace(window, grace);
    var store = Stores.inMemoryWindowStore("counts", window.plus(grace), window, false);
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
        .windowedBy(minutes)
        .count(
            Materialized.<String, Long>as(store)
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.Long())
                .withLoggingDisabled())
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded().withLoggingDisabled()))
        .toStream()
        .foreach(
            (key, count) -> {
              windows++;
              counted += count;
              checksum += (key.key() + ' ' + key.window().start() + ' ' + count).hashCode() & 0xffffffffL;
              if (counted >= records) finish();
            });

    cpuBegun = cpu();
    begun = System.nanoTime();
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setStateListener(
        (now, before) -> {
          if (now != KafkaStreams.State.RUNNING || running != 0) return;
          running = System.nanoTime();
          cpuRunning = cpu();
        });
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
  }

  private static void finish() {
    try {
      long now = System.nanoTime();
      long used = cpu();
      double wholeCpu = (used - cpuBegun) / 1e9;
      double cpu = (used - Math.max(cpuRunning, cpuBegun)) / 1e9;
      double whole = (now - begun) / 1e9;
      double reading = (now - Math.max(running, begun)) / 1e9;
      String figures =
          "{\"whole\": %s, \"reading\": %s, \"cpu\": %s, \"wholeCpu\": %s, \"count\": %d, \"windows\": %d, \"checksum\": %d, \"rssMb\": %s}";
      System.out.println(
          figures.formatted(whole, reading, cpu, wholeCpu, counted, windows, checksum, peakRssMb()));
      System.out.flush();
      Runtime.getRuntime().halt(0);
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  /** As Linux tells it; null elsewhere. */
  private static Long peakRssMb() throws Exception {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return null;
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1_024;
    }
    return null;
  }

  private StreamsWindows() {}
}
