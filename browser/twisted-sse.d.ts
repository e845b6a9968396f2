/** Headers, or a function that is called for every request, so that a token can be fresh. */
export type HeadersSource =
  | Record<string, string>
  | (() => Record<string, string> | Promise<Record<string, string>>);

export interface SharedEventSourceOptions {
  /** Whether cookies are sent to another origin.  false */
  withCredentials?: boolean;
  /**
   * "shared": one connection for all tabs of the origin; needs https or localhost.  "fetch": a
   * connection of its own.  "native": the EventSource of the browser, without `headers`, `method`
   * and `body`.  By default the first of them that the browser has.
   */
  mode?: "shared" | "fetch" | "native";
  /** Where to begin: the event ID that the page was rendered at, or "earliest". */
  lastEventId?: string;
  /**
   * Called before the first connection if there is no `lastEventId`, and after each stream-reset:
   * shows the present state, and returns the event ID that it belongs to.
   */
  load?: () => string | undefined | Promise<string | undefined>;
  headers?: HeadersSource;
  /** "POST" or "QUERY", with a `body`.  "GET" */
  method?: string;
  body?: BodyInit;
  /**
   * Called at 401 and 403: true asks the hub again, for example with a new token; anything else
   * closes the source, in all tabs.
   */
  refused?: (response: Response) => unknown;
  /**
   * Milliseconds without a byte after which the connection is taken for dead; by default two
   * intervals of the hub's keepalive, or 45000.
   */
  silence?: number;
  /** Milliseconds without a word of the leading tab after which it is asked for.  5000 */
  doubt?: number;
  /** Only tabs with the same group, such as a user's name, and the same URL share a stream. */
  group?: string;
}

/** `status` and `detail` are those of the answer that has closed the source. */
export interface SharedErrorEvent extends Event {
  readonly status?: number;
  readonly detail?: string;
}

/** EventSource, with one connection for all tabs, that never gives up where coming back can help. */
export class SharedEventSource extends EventTarget implements EventSource {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  constructor(url: string | URL, options?: SharedEventSourceOptions);
  readonly url: string;
  readonly withCredentials: boolean;
  readonly readyState: 0 | 1 | 2;
  readonly mode: "shared" | "fetch" | "native";
  /** Whether this tab has the connection. */
  readonly leading: boolean;
  /** Whether what is shown may be old: not connected, or silent for longer than usual. */
  readonly stale: boolean;
  readonly lastEventId: string;
  /** The name by which the topics of the stream can be changed, while this tab is connected. */
  readonly connection: string | undefined;
  /** The last event of the backlog of added topics, until that is complete. */
  readonly backlogId: string | undefined;
  onopen: ((this: EventSource, event: Event) => any) | null;
  onmessage: ((this: EventSource, event: MessageEvent<string>) => any) | null;
  onerror: ((this: EventSource, event: Event) => any) | null;
  addEventListener(
    type: "error",
    listener: (event: SharedErrorEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** `readyState` or `stale` has changed. */
  addEventListener(
    type: "open" | "statechange",
    listener: (event: Event) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: (event: MessageEvent<string>) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: (event: any) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  close(): void;
}
