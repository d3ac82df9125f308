package smatrix;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Arrays;

/**
 * Decodes and validates frames with Jackson's streaming parser; numbers never become doubles. The
 * columns stand behind the meters, as terminals send them.
 */
final class FrameReader {
    private static final int MAX_ID = 128;
    private static final long TOO_LARGE = 1L << 53;
    private static final String[] COLUMNS = {
        "consumption_wh", "production_wh", "battery_charge_wh", "battery_discharge_wh",
        "battery_level_wh", "import_register_wh", "export_register_wh",
    };

    private final JsonFactory factory = JsonFactory.builder().build();
    private final Frame frame = new Frame();
    private final int[] lengths = new int[Frame.CHANNELS];
    private boolean[] refused = new boolean[64];
    private boolean anyRefused;

    /** Returns the frame of a record, valid until the next call; null when it is refused. */
    Frame read(byte[] value) {
        try (JsonParser parser = factory.createParser(value)) {
            return valid(parser, value) ? frame : null;
        } catch (IOException | ArithmeticException notAFrame) {
            return null;
        }
    }

    private boolean valid(JsonParser parser, byte[] value) throws IOException {
        frame.communityId = null;
        frame.minute = frame.sequence = -1;
        frame.source = value;
        frame.meters = -1;
        anyRefused = false;
        Arrays.fill(lengths, -1);
        if (parser.nextToken() != JsonToken.START_OBJECT) return false;
        int capacity = 0;
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            switch (name) {
                case "community_id" -> {
                    if (parser.nextToken() != JsonToken.VALUE_STRING) return false;
                    frame.communityId = parser.getText();
                    if (frame.communityId.isEmpty() || frame.communityId.length() > MAX_ID) return false;
                }
                case "minute" -> {
                    if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) return false;
                    frame.minute = parser.getLongValue();
                    if (frame.minute < 0 || frame.minute % 60 != 0) return false;
                }
                case "sequence" -> {
                    if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) return false;
                    frame.sequence = parser.getLongValue();
                    if (frame.sequence < 0) return false;
                }
                case "meter_id" -> {
                    if (!meters(parser)) return false;
                    capacity = frame.meters;
                }
                default -> {
                    int channel = channel(name);
                    if (channel < 0) return false;
                    JsonToken token = parser.nextToken();
                    if (token == JsonToken.VALUE_NULL) continue;
                    if (token != JsonToken.START_ARRAY || capacity == 0) return false;
                    if (!numbers(parser, channel, capacity)) return false;
                }
            }
        }
        if (frame.communityId == null || frame.minute < 0 || lengths[0] < 0) return false;
        for (int length : lengths) if (length >= 0 && length != frame.meters) return false;
        if (anyRefused) blankRefused();
        return true;
    }

    /** The ids themselves are read by whoever does not know these bytes yet. */
    private boolean meters(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_ARRAY) return false;
        frame.metersFrom = (int) parser.currentTokenLocation().getByteOffset();
        int count = 0;
        JsonToken token = parser.nextToken();
        for (; token == JsonToken.VALUE_STRING; token = parser.nextToken()) count++;
        if (token != JsonToken.END_ARRAY || count == 0) return false;
        frame.metersUntil = (int) parser.currentTokenLocation().getByteOffset() + 1;
        frame.meters = count;
        if (frame.cells.length < Frame.CHANNELS * count) frame.cells = new long[Frame.CHANNELS * count];
        if (refused.length < count) refused = new boolean[count];
        Arrays.fill(frame.cells, 0, Frame.CHANNELS * count, Frame.MISSING);
        return true;
    }

    private boolean numbers(JsonParser parser, int channel, int capacity) throws IOException {
        long[] cells = frame.cells;
        int place = channel * capacity;
        int count = 0;
        while (true) {
            JsonToken token = parser.nextToken();
            if (token == JsonToken.END_ARRAY) break;
            if (count == capacity) return false;
            switch (token) {
                case VALUE_NULL -> { }
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
                    char[] text = parser.getTextCharacters();
                    long energy = milliwattHours(text, parser.getTextOffset(), parser.getTextLength());
                    if (energy < 0) {
                        if (!anyRefused) Arrays.fill(refused, 0, capacity, false);
                        anyRefused = refused[count] = true;
                    } else {
                        cells[place + count] = energy;
                    }
                }
                default -> {
                    return false;
                }
            }
            count++;
        }
        lengths[channel] = count;
        return true;
    }

    private void blankRefused() {
        for (int meter = 0; meter < frame.meters; meter++) {
            if (!refused[meter]) continue;
            for (int channel = 0; channel < Frame.CHANNELS; channel++) {
                frame.cells[channel * frame.meters + meter] = Frame.MISSING;
            }
        }
    }

    private static int channel(String name) {
        for (int channel = 0; channel < COLUMNS.length; channel++) {
            if (COLUMNS[channel].equals(name)) return channel;
        }
        return -1;
    }

    /** Returns a decimal number of Wh as mWh, half to even; -1 when it is negative. */
    private static long milliwattHours(char[] text, int from, int length) {
        boolean negative = text[from] == '-';
        long whole = 0;
        int decimals = -1;
        int beyond = -1;
        boolean more = false;
        for (int at = negative ? from + 1 : from; at < from + length; at++) {
            char digit = text[at];
            if (digit == '.') {
                decimals = 0;
            } else if (digit < '0' || digit > '9') {
                return withExponent(new String(text, from, length));
            } else if (decimals < 3) {
                whole = whole * 10 + (digit - '0');
                if (decimals >= 0) decimals++;
                if (whole > TOO_LARGE) throw new ArithmeticException("too large");
            } else if (beyond < 0) {
                beyond = digit - '0';
            } else {
                more |= digit != '0';
            }
        }
        for (int missing = Math.max(decimals, 0); missing < 3; missing++) whole *= 10;
        if (negative) return whole == 0 && beyond <= 0 && !more ? 0 : -1;
        if (beyond > 5 || beyond == 5 && (more || (whole & 1) == 1)) whole++;
        return whole;
    }

    private static long withExponent(String text) {
        java.math.BigDecimal number = new java.math.BigDecimal(text).movePointRight(3);
        if (number.signum() < 0) return -1;
        return number.setScale(0, java.math.RoundingMode.HALF_EVEN).longValueExact();
    }
}
