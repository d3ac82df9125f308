package smatrix;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A growing buffer of JSON. */
final class Json {
    private byte[] bytes = new byte[4096];
    private int size;

    void clear() {
        size = 0;
    }

    Json text(String ascii) {
        return raw(ascii.getBytes(StandardCharsets.ISO_8859_1));
    }

    Json raw(byte[] more) {
        room(more.length);
        System.arraycopy(more, 0, bytes, size, more.length);
        size += more.length;
        return this;
    }

    Json number(long value) {
        room(20);
        int digits = 1;
        for (long rest = value; rest >= 10; rest /= 10) digits++;
        for (int at = size + digits - 1; at >= size; at--) {
            bytes[at] = (byte) ('0' + value % 10);
            value /= 10;
        }
        size += digits;
        return this;
    }

    byte[] copy() {
        return Arrays.copyOf(bytes, size);
    }

    private void room(int more) {
        if (size + more > bytes.length) bytes = Arrays.copyOf(bytes, 2 * (size + more));
    }
}
