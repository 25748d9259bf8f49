import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.spark.SparkConf;
import org.apache.spark.launcher.JavaModuleOptions;
import org.apache.spark.streaming.Duration;
import org.apache.spark.streaming.api.java.JavaInputDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.kafka010.ConsumerStrategies;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;
import scala.Tuple2;

/**
 * Reads a topic to its end by Spark Streaming in a process of its own and prints how many seconds it took:
 *
 * <pre>
 *   whole    from the making of the StreamingContext, with the JVM running, to the end of the output that has the last
 *            record: that Spark starts and that its classes are loaded is in it
 *   reading  from the moment the context has started, when the direct stream knows its partitions, to the same: the wait
 *            for the first tick is in it
 *   cpu      of the process over the whole time, all its threads together: compilers and collector too
 * </pre>
 *
 * Without arguments it prints what options Spark wants the JVM to have.
 */
@SuppressWarnings("deprecation") // DStreams as such are deprecated in Spark
public final class SparkReader {
  private static long total;
  private static long begun;
  private static long cpuBegun;
  private static volatile long started;

  public static void main(String[] args) throws Exception {
    if (args.length == 0) {
      System.out.println(JavaModuleOptions.defaultModuleOptions());
      return;
    }
    try {
      run(args[0], args[1], args[2], Long.parseLong(args[3]), Long.parseLong(args[4]), args[5]);
    } catch (Throwable error) {
      error.printStackTrace();
      exit(1);
    }
  }

  private static void run(String mode, String brokers, String topic, long records, long interval, String directory)
      throws Exception {
    total = records;
    SparkConf conf =
        new SparkConf()
            .setMaster("local[2]")
            .setAppName("bench")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.ui.enabled", "false")
            .set("spark.log.level", "ERROR")
            .set("spark.local.dir", directory);
    cpuBegun = cpu();
    begun = System.nanoTime();
    JavaStreamingContext context = new JavaStreamingContext(conf, new Duration(interval));
    switch (mode) {
      case "pipeline" -> pipeline(context, brokers, topic, new Duration(interval), Path.of(directory, "checkpoint"));
      case "strings" -> strings(context, brokers, topic);
      default -> throw new IllegalArgumentException("no mode " + mode);
    }
    context.start();
    started = System.nanoTime();
    // Throws what a batch has thrown. The bench limits the time.
    context.awaitTermination();
  }

  /** The value is left as bytes, as no one looks at it. */
  private static void pipeline(
      JavaStreamingContext context, String brokers, String topic, Duration interval, Path checkpoint) {
    // A window with an inverse does not start without.
    context.checkpoint(checkpoint.toUri().toString());
    JavaInputDStream<ConsumerRecord<String, byte[]>> stream =
        direct(context, brokers, topic, ByteArrayDeserializer.class);
    stream
        .mapToPair(record -> new Tuple2<>(record.key(), 1))
        .reduceByKeyAndWindow((a, b) -> a + b, (a, b) -> a - b, new Duration(interval.milliseconds() * 10), interval)
        .foreachRDD(
            counts -> {
              // With no limit of the rate all that waits is in one batch, so that the window has all of it.
              long counted = counts.values().aggregate(0L, (sum, count) -> sum + count, Long::sum);
              if (counted == total) finish(counted, 0);
            });
  }

  private static void strings(JavaStreamingContext context, String brokers, String topic) {
    JavaInputDStream<ConsumerRecord<String, String>> stream = direct(context, brokers, topic, StringDeserializer.class);
    stream.foreachRDD(
        records -> {
          Sums batch = records.mapPartitions(SparkReader::sumsOf).reduce(Sums::plus);
          if (batch.records() == total) finish(batch.records(), batch.length());
        });
  }

  private static <V> JavaInputDStream<ConsumerRecord<String, V>> direct(
      JavaStreamingContext context, String brokers, String topic, Class<?> valueDeserializer) {
    Map<String, Object> parameters =
        Map.of(
            "bootstrap.servers", brokers,
            "key.deserializer", StringDeserializer.class,
            "value.deserializer", valueDeserializer,
            "group.id", UUID.randomUUID().toString(),
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false);
    return KafkaUtils.createDirectStream(
        context,
        LocationStrategies.PreferConsistent(),
        ConsumerStrategies.Subscribe(List.of(topic), parameters));
  }

  private record Sums(long records, long length) implements java.io.Serializable {
    Sums plus(Sums other) {
      return new Sums(records + other.records, length + other.length);
    }
  }

  private static Iterator<Sums> sumsOf(Iterator<ConsumerRecord<String, String>> partition) {
    long records = 0;
    long length = 0;
    while (partition.hasNext()) {
      ConsumerRecord<String, String> record = partition.next();
      length += record.key().length() + record.value().length();
      records++;
    }
    return List.of(new Sums(records, length)).iterator();
  }

  private static void finish(long count, long length) throws Exception {
    long now = System.nanoTime();
    double cpu = (cpu() - cpuBegun) / 1e9;
    if (started == 0) throw new IllegalStateException("the records are too few: they were counted before start() was done");
    double whole = (now - begun) / 1e9;
    double reading = (now - started) / 1e9;
    String figures =
        "{\"whole\": %s, \"reading\": %s, \"cpu\": %s, \"count\": %d, \"length\": %d, \"rssMb\": %s}";
    System.out.println(figures.formatted(whole, reading, cpu, count, length, peakRssMb()));
    exit(0);
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  /** As Linux tells it; null elsewhere. */
  private static Long peakRssMb() throws Exception {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return null;
    for (String line : Files.readAllLines(status, StandardCharsets.UTF_8)) {
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1_024;
    }
    return null;
  }

  /** At once: batches may be waiting, and what Spark leaves behind is in a directory that the bench removes. */
  private static void exit(int status) {
    System.out.flush();
    Runtime.getRuntime().halt(status);
  }

  private SparkReader() {}
}
