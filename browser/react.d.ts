import type { SharedEventSourceOptions } from "./twisted-sse.js";

/** Called with the events of one type. */
export type Handlers = Record<string, (event: MessageEvent<string>) => unknown>;

/**
 * Follows `url` while the component is mounted, and hands each event to `handlers[type]`.
 *
 * The handlers may change with every rendering; their types, and the options, are those of the
 * first one.
 */
export function useEvents(
  url: string,
  handlers: Handlers,
  options?: SharedEventSourceOptions,
): { readonly readyState: 0 | 1 | 2; readonly stale: boolean };
