package smatrix;

/** One valid frame, in whole mWh; reused from record to record. */
final class Frame {
    static final int CHANNELS = 7;
    static final long MISSING = -1;

    String communityId;
    long minute;
    long sequence;
    /** The bytes of the JSON array of meter ids: a community says the same ones every minute. */
    byte[] source;
    int metersFrom;
    int metersUntil;
    int meters;
    /** (channel, meter), CHANNELS * meters of them. */
    long[] cells = new long[CHANNELS * 64];
}
