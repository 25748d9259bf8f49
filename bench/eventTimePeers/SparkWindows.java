import java.nio.file.Path;
import org.apache.spark.launcher.JavaModuleOptions;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * Counts the records of a topic by key and window of event time, by Spark Structured Streaming in one process: `withWatermark`, `window`,
 * `count`, output mode `append`, so that each window comes once, when it has closed. Prints what StreamsWindows prints.
 *
 * <p>No limit of the rate is set, so all that waits is in the first batch: Spark is fastest so. Without arguments it prints what options
 * Spark wants the JVM to have.
 */
public final class SparkWindows {
  /** Of the process: Spark copies what is given to a writer. */
  private static WindowTally tally;

  public static void main(String[] args) {
    if (args.length == 0) {
      System.out.println(JavaModuleOptions.defaultModuleOptions());
      return;
    }
    try {
      long records = Long.parseLong(args[2]);
      count(args[0], args[1], records, args[3] + " milliseconds", args[4] + " milliseconds", args[5]);
    } catch (Throwable error) {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static void count(String brokers, String topic, long records, String window, String grace, String directory)
      throws Exception {
    tally = new WindowTally(records);
    SparkSession spark =
        SparkSession.builder()
            .master("local[*]")
            .appName("bench")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "ERROR")
            .config("spark.local.dir", directory)
            // The default of 200 is for a cluster: it is slower here.
            .config("spark.sql.shuffle.partitions", Runtime.getRuntime().availableProcessors())
            .getOrCreate();
    Dataset<Row> counts =
        spark
            .readStream()
            .format("kafka")
            .option("kafka.bootstrap.servers", brokers)
            .option("subscribe", topic)
            .option("startingOffsets", "earliest")
            .load()
            .selectExpr("CAST(key AS STRING) AS key", "timestamp")
            .withWatermark("timestamp", grace)
            .groupBy(functions.window(functions.col("timestamp"), window), functions.col("key"))
            .count()
            .selectExpr("key", "unix_millis(window.start) AS start", "count");
    var query =
        counts
            .writeStream()
            .outputMode("append")
            .option("checkpointLocation", Path.of(directory, "checkpoint").toUri().toString())
            .foreach(new Seen())
            .start();
    tally.running();
    // Throws what a batch has thrown. The bench limits the time.
    query.awaitTermination();
  }

  /** Runs in this process, as the master is local. */
  private static final class Seen extends ForeachWriter<Row> {
    @Override
    public boolean open(long partition, long epoch) {
      return true;
    }

    @Override
    public void process(Row row) {
      tally.see(row.getString(0), row.getLong(1), row.getLong(2));
    }

    @Override
    public void close(Throwable error) {}
  }

  private SparkWindows() {}
}
