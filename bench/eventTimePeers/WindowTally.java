import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Sums up the results of a contender, and ends its process with the figures once all records are in them. */
final class WindowTally {
  private final long records;
  private final long begun = System.nanoTime();
  private final long cpuBegun = cpu();
  private volatile long running;
  private volatile long cpuRunning;
  private long counted;
  private long windows;
  private long checksum;

  /** The whole time begins now. */
  WindowTally(long records) {
    this.records = records;
  }

  /** Reading begins now, if it has not begun. */
  void running() {
    if (running != 0) return;
    running = System.nanoTime();
    cpuRunning = cpu();
  }

  synchronized void see(String key, long start, long count) {
    windows++;
    counted += count;
    checksum += (key + ' ' + start + ' ' + count).hashCode() & 0xffffffffL;
    if (counted >= records) finish();
  }

  private void finish() {
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
      // At once: batches may be waiting, and what a contender leaves behind is in a directory that the bench removes.
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
}
