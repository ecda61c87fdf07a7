/** The moment at which the host of cardboard stands still. */
export const NOW = Date.UTC(2026, 10, 22, 2, 30);
