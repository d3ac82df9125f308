package smatrix;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Minutes into the store, quarter-hours out. Open quarter-hours are held in memory as well, and
 * read back from the store after a restart. A minute is assigned by its sequence, so a duplicate
 * changes nothing; a quarter-hour is told when it is complete, or when its community's newest
 * minute has passed its end by the allowed lateness.
 */
final class Metering implements Processor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "minutes";
    static final String HOUSEHOLDS = "households";
    static final String COMMUNITIES = "communities";

    private static final long PERIOD_S = 900;
    private static final long LATENESS_S = 120;
    private static final int MINUTES = 15;
    private static final int REGISTERS = 5;
    private static final int HEAD = 16;
    private static final int FLOWS = 6;
    private static final String[] NAMES = {
        "consumption_mwh", "production_mwh", "import_mwh", "export_mwh",
        "battery_charge_mwh", "battery_discharge_mwh",
    };

    /** A quarter-hour: cells by minute, null where none has come. */
    private static final class Period {
        final long[][] cells = new long[MINUTES][];
        final long[] sequences = new long[MINUTES];
        int known;
        boolean told;
    }

    private static final class Community {
        byte[] meterBytes = {};
        int meters;
        long newest;
        final Map<Long, Period> periods = new HashMap<>(4);
    }

    private final AtomicLong processed;
    private final JsonFactory factory = new JsonFactory();
    private final FrameReader reader = new FrameReader();
    private final Map<String, Community> communities = new HashMap<>();
    private final Json json = new Json();
    private long[] sums = new long[(FLOWS + 1) * 64];
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, byte[]> store;

    Metering(AtomicLong processed) {
        this.processed = processed;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        store = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        processed.incrementAndGet();
        Frame frame = record.value() == null ? null : reader.read(record.value());
        if (frame == null) return;
        Community community = communities.computeIfAbsent(frame.communityId, id -> new Community());
        if (!sameMeters(frame, community) && !learnMeters(frame, community)) return;
        long start = frame.minute - frame.minute % PERIOD_S;
        Period period = community.periods.get(start);
        if (period == null) {
            if (community.newest >= start + PERIOD_S + LATENESS_S) return;
            period = stored(record.key(), start);
            community.periods.put(start, period);
        }
        int place = (int) (frame.minute - start) / 60;
        if (period.cells[place] == null) period.known++;
        else if (period.sequences[place] >= frame.sequence) return;
        period.cells[place] = Arrays.copyOf(frame.cells, Frame.CHANNELS * frame.meters);
        period.sequences[place] = frame.sequence;
        store.put(key(record.key(), frame.minute), pack(period.cells[place], frame));
        if (period.known == MINUTES) {
            period.told = true;
            tell(record, frame.communityId, community, start, period);
        }
        if (frame.minute > community.newest) {
            community.newest = frame.minute;
            if (community.periods.size() > 1) tellPassed(record, frame.communityId, community);
        }
    }

    private void tellPassed(Record<byte[], byte[]> record, String id, Community community) {
        Iterator<Map.Entry<Long, Period>> all = community.periods.entrySet().iterator();
        while (all.hasNext()) {
            Map.Entry<Long, Period> each = all.next();
            if (community.newest < each.getKey() + PERIOD_S + LATENESS_S) continue;
            if (!each.getValue().told) tell(record, id, community, each.getKey(), each.getValue());
            all.remove();
        }
    }

    private static boolean sameMeters(Frame frame, Community community) {
        return Arrays.equals(
            frame.source, frame.metersFrom, frame.metersUntil,
            community.meterBytes, 0, community.meterBytes.length);
    }

    /** Takes the roster of a frame, unless a meter stands in it twice. */
    private boolean learnMeters(Frame frame, Community community) {
        byte[] bytes = Arrays.copyOfRange(frame.source, frame.metersFrom, frame.metersUntil);
        Set<String> ids = new HashSet<>();
        try (JsonParser parser = factory.createParser(bytes)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.VALUE_STRING) {
                if (!ids.add(parser.getText())) return false;
            }
        } catch (IOException unreachable) {
            throw new IllegalStateException("read once already", unreachable);
        }
        community.meterBytes = bytes;
        community.meters = frame.meters;
        return true;
    }

    private Period stored(byte[] community, long start) {
        Period period = new Period();
        for (int place = 0; place < MINUTES; place++) {
            byte[] record = store.get(key(community, start + 60L * place));
            if (record == null) break;
            ByteBuffer buffer = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
            period.sequences[place] = buffer.getLong();
            int meters = (int) buffer.getLong();
            long[] cells = new long[Frame.CHANNELS * meters];
            for (int at = 0; at < cells.length; at++) {
                cells[at] = at < REGISTERS * meters ? buffer.getInt() : buffer.getLong();
            }
            period.cells[place] = cells;
            period.known++;
        }
        return period;
    }

    private static Bytes key(byte[] community, long minute) {
        return Bytes.wrap(
            ByteBuffer.allocate(community.length + 9)
                .put(community).put((byte) 0).putLong(minute).array());
    }

    /** Sequence and number of meters, energies in 4 bytes, registers in 8. */
    private static byte[] pack(long[] cells, Frame frame) {
        int meters = frame.meters;
        int size = HEAD + meters * (4 * REGISTERS + 8 * (Frame.CHANNELS - REGISTERS));
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(frame.sequence).putLong(meters);
        int at = 0;
        for (; at < REGISTERS * meters; at++) buffer.putInt((int) cells[at]);
        for (; at < cells.length; at++) buffer.putLong(cells[at]);
        return buffer.array();
    }

    private void tell(
            Record<byte[], byte[]> record, String id, Community community, long start, Period period) {
        int meters = community.meters;
        sum(period, meters);
        String head = "{\"community_id\":\"" + id + "\",\"period_start\":" + start;
        json.clear();
        json.text(head).text(",\"meter_id\":").raw(community.meterBytes);
        for (int flow = 0; flow <= FLOWS; flow++) {
            json.text(",\"").text(flow < FLOWS ? NAMES[flow] : "measured_minutes").text("\":[");
            for (int meter = 0; meter < meters; meter++) {
                if (meter > 0) json.text(",");
                long sum = sums[flow * meters + meter];
                if (sum < 0) json.text("null");
                else json.number(sum);
            }
            json.text("]");
        }
        context.forward(record.withValue(json.text("}").copy()), HOUSEHOLDS);
        json.clear();
        json.text(head);
        for (int flow = 0; flow < FLOWS; flow++) {
            long total = 0;
            for (int at = flow * meters; at < (flow + 1) * meters; at++) total += Math.max(sums[at], 0);
            json.text(",\"").text(NAMES[flow]).text("\":").number(total);
        }
        context.forward(record.withValue(json.text("}").copy()), COMMUNITIES);
    }

    /** Fills `sums` with (flow, meter) and the measured minutes; MISSING where never measured. */
    private void sum(Period period, int meters) {
        if (sums.length < (FLOWS + 1) * meters) sums = new long[(FLOWS + 1) * meters];
        Arrays.fill(sums, 0, FLOWS * meters, Frame.MISSING);
        Arrays.fill(sums, FLOWS * meters, (FLOWS + 1) * meters, 0);
        for (long[] cells : period.cells) {
            if (cells == null || cells.length != Frame.CHANNELS * meters) continue;
            for (int meter = 0; meter < meters; meter++) {
                long consumption = cells[meter];
                long production = cells[meters + meter];
                long charge = cells[2 * meters + meter];
                long discharge = cells[3 * meters + meter];
                add(meter, consumption);
                add(meters + meter, production);
                add(4 * meters + meter, charge);
                add(5 * meters + meter, discharge);
                if (consumption < 0) continue;
                long net = consumption - Math.max(production, 0) + Math.max(charge, 0) - Math.max(discharge, 0);
                add(2 * meters + meter, Math.max(net, 0));
                add(3 * meters + meter, Math.max(-net, 0));
                sums[FLOWS * meters + meter]++;
            }
        }
    }

    private void add(int place, long energy) {
        if (energy >= 0) sums[place] = Math.max(sums[place], 0) + energy;
    }
}
