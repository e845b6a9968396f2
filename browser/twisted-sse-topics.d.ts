import { SharedEventSource } from "./twisted-sse.js";
import type { HeadersSource, SharedErrorEvent, SharedEventSourceOptions } from "./twisted-sse.js";

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

export interface TopicEventSourceOptions
  extends Omit<SharedEventSourceOptions, "method" | "body"> {}

/** An event, as it was published. */
export interface TopicMessageEvent extends MessageEvent<string> {
  /** Those of the source's topics that the event has. */
  readonly topics: string[];
  /** How the topics have ended, if this is their last event. */
  readonly end?: "done" | "failed" | "cancelled" | "interrupted";
}

/**
 * A `SharedEventSource` with topics of its own: all tabs with the same URL share one stream, and
 * each gets the events of its topics.
 */
export class TopicEventSource extends SharedEventSource {
  /**
   * @param url  Of the streams, without topics, such as "/events".
   * @param topics  Names, not patterns.
   * @throws A `TypeError` if `topics`, `url` or an option cannot be obeyed.
   */
  constructor(url: string | URL, topics: string[], options?: TopicEventSourceOptions);
  readonly topics: string[];
  addEventListener(
    type: "error",
    listener: (event: SharedErrorEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: "open" | "statechange",
    listener: (event: Event) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: (event: TopicMessageEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
