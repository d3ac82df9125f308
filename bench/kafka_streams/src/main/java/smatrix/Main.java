package smatrix;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/** Runs the topology over the frames twice: a pass that warms the JVM, then the one that counts. */
public final class Main {
    /** Otherwise the group counts its members for the rest of their session. */
    private static final CloseOptions LEAVING =
        CloseOptions.timeout(Duration.ofSeconds(10))
            .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, String> task = new HashMap<>();
        for (int at = 0; at < arguments.length; at += 2) {
            task.put(arguments[at].substring(2), arguments[at + 1]);
        }
        long frames = Long.parseLong(task.get("frames"));
        pass(task, task.get("group") + "-cold", frames);
        pass(task, task.get("group"), Long.MAX_VALUE);
    }

    private static void pass(Map<String, String> task, String id, long frames)
            throws InterruptedException {
        AtomicLong processed = new AtomicLong();
        KafkaStreams streams = new KafkaStreams(topology(task, processed), settings(task, id));
        Thread closing = new Thread(() -> streams.close(LEAVING));
        Runtime.getRuntime().addShutdownHook(closing);
        streams.start();
        while (processed.get() < frames) Thread.sleep(20);
        streams.close(LEAVING);
        Runtime.getRuntime().removeShutdownHook(closing);
    }

    private static Topology topology(Map<String, String> task, AtomicLong processed) {
        ByteArraySerializer bytes = new ByteArraySerializer();
        return new Topology()
            .addSource("frames", new ByteArrayDeserializer(), new ByteArrayDeserializer(), task.get("source"))
            .addProcessor("metering", () -> new Metering(processed), "frames")
            .addStateStore(
                Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(Metering.STORE), Serdes.Bytes(), Serdes.ByteArray())
                    .withCachingDisabled(),
                "metering")
            .addSink(Metering.HOUSEHOLDS, task.get("households"), bytes, bytes, "metering")
            .addSink(Metering.COMMUNITIES, task.get("communities"), bytes, bytes, "metering");
    }

    private static Properties settings(Map<String, String> task, String id) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.get("broker"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, task.get("state"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, task.getOrDefault("threads", "1"));
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4_000);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 2_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 50);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1 << 20);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 50);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
        return settings;
    }
}
