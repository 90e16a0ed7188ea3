/** What Python's types and Jinja know by name; what of it is not supported is refused, not missing. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const filters = words(`
  abs attr batch capitalize center count d default dictsort e escape filesizeformat first float
  forceescape format groupby indent int items join last length list lower map max min pprint random
  reject rejectattr replace reverse round safe select selectattr slice sort string striptags sum
  title tojson trim truncate unique upper urlencode urlize wordcount wordwrap xmlattr
`);

const tests = words(`
  boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt
  in integer iterable le lessthan lower lt mapping ne none number odd sameas sequence string test
  true undefined upper == != < <= > >=
`);

/** Public attributes by type. */
const attributes: Record<string, ReadonlySet<string>> = {
  str: words(`
    capitalize casefold center count encode endswith expandtabs find format format_map index isalnum
    isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle
    isupper join ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind
    rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate
    upper zfill
  `),
  list: words('append clear copy count extend index insert pop remove reverse sort'),
  tuple: words('count index'),
  dict: words('clear copy fromkeys get items keys pop popitem setdefault update values'),
  dict_items: words('isdisjoint mapping'),
  dict_keys: words('isdisjoint mapping'),
  dict_values: words('mapping'),
  int: words(`
    as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real
    to_bytes
  `),
  float: words('as_integer_ratio conjugate fromhex hex imag is_integer real'),
  range: words('count index start step stop'),
  generator: words('close send throw'),
  function: words('arguments caller catch_kwargs catch_varargs explicit_caller name'),
  Markup: words('text'),
  LoopContext: words(`
    changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0
  `),
};

/** Changes its object, which transformers' sandbox does not allow: as if it were not there. */
const mutating: Record<string, ReadonlySet<string>> = {
  list: words('append clear extend insert pop remove reverse sort'),
  dict: words('clear pop popitem setdefault update'),
};

export const isFilter = (name: string): boolean => filters.has(name);

export const isTest = (name: string): boolean => tests.has(name);

export function isAttribute(type: string, name: string): boolean {
  return attributes[type === 'bool' ? 'int' : type]?.has(name) ?? false;
}

export function isMutating(type: string, name: string): boolean {
  return mutating[type]?.has(name) ?? false;
}
