/**
 * AWS's list prices of one Region, in dollars, without free tiers and discounts. This is the only place with
 * prices: to use other prices, change them here and run `npm run bench:cost -- --write`.
 */
export const PRICES = {
  region: 'us-east-1',
  date: '2026-11-24',
  dynamo: {
    /** A million units, on demand (half of the price before November 2024). */
    writeUnits: 0.625,
    readUnits: 0.125,
    /** A GB and month, table class Standard. */
    storage: 0.25,
    /** A GB and month, on top. */
    pointInTimeRecovery: 0.2,
  },
  lambda: {
    /** A million. */
    requests: 0.2,
    /** A GB of memory for a second, on arm64. */
    gigabyteSecond: 0.0000133334,
  },
  /** A million requests; a Function URL costs nothing. */
  httpApi: 1,
  cloudWatch: {
    /** A GB taken in. */
    logs: 0.5,
    /** A GB and month kept, compressed. */
    logStorage: 0.03,
    /** A metric that an alarm evaluates, a month. */
    alarmMetric: 0.1,
    /** A custom metric that has values, a month. */
    metric: 0.3,
    /** A month. */
    dashboard: 3,
  },
} as const;
