type Child = Node | string | null | undefined | false;

interface Properties {
  class?: string;
  title?: string;
  /** Attributes, ARIA's among them. */
  at?: Record<string, string | number | boolean>;
  on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
}

/** An element. Text goes in as text: nothing of a row is ever parsed as markup. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (properties.class) element.className = properties.class;
  if (properties.title) element.title = properties.title;
  for (const [name, value] of Object.entries(properties.at ?? {})) {
    if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const [name, listener] of Object.entries(properties.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  element.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function button(
  text: string,
  onClick: () => void,
  properties: Properties = {},
): HTMLButtonElement {
  const at = { type: 'button', ...properties.at };
  return el('button', { ...properties, at, on: { click: onClick } }, text);
}

/** Lets the browser draw, and answer what was clicked or typed. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The JSON of the page. */
export function pageModel<T>(): T {
  return JSON.parse(document.getElementById('model')?.textContent ?? '{}') as T;
}

/** Light, dark, or as the system has it; kept while the page is open. */
export function themeButton(): HTMLButtonElement {
  const root = document.documentElement;
  const isDark = (): boolean =>
    root.dataset.theme === 'dark' ||
    (root.dataset.theme === undefined && matchMedia('(prefers-color-scheme: dark)').matches);
  const label = (): string => (isDark() ? 'Light' : 'Dark');
  const made = button(label(), () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    made.textContent = label();
    document.dispatchEvent(new Event('themechange'));
  });
  made.title = 'Switch between light and dark';
  return made;
}
