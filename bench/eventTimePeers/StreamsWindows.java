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
  private static WindowTally tally;

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
        .foreach((key, count) -> tally.see(key.key(), key.window().start(), count));

    tally = new WindowTally(records);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) tally.running();
        });
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
  }

  private StreamsWindows() {}
}
