import type { HeadersSource, SharedEventSource } from "./twisted-sse.js";

export interface TopicChange {
  /** Topics to add. */
  add?: string[];
  /** Topics to remove, before others are added. */
  remove?: string[];
  /**
   * The event ID after which the added topics are wanted, or "earliest"; by default the last one
   * of the source.
   */
  lastEventId?: string;
}

/**
 * Changes the topics of the stream of `source`, without a reconnect.
 *
 * Changes are made one after the other.  If the connection is lost in the middle, the change is
 * made again where it stopped.
 *
 * @param options.headers  Of the request, such as `Authorization`.
 * @returns All topics of the stream, once the stream has sent what the change brings.
 * @throws An `Error` with the `status` of the hub if it refuses; nothing is changed then.
 */
export function changeTopics(
  source: SharedEventSource,
  change: TopicChange,
  options?: { headers?: HeadersSource },
): Promise<string[]>;
