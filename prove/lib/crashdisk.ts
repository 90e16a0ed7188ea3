/** A disk that loses power: what a recorded run did to it, and what may be left of that at any moment. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One thing that was done; paths are relative to the folder that was watched, '' for itself. */
export type Action =
  | { kind: 'open'; creates: boolean; truncates: boolean; path: string }
  | { kind: 'write'; offset: number; bytes: Buffer; path: string }
  | { kind: 'size'; size: number; path: string }
  | { kind: 'sync' | 'mkdir' | 'remove'; path: string }
  | { kind: 'rename'; from: string; path: string }
  | { kind: 'link'; target: string; path: string };

/** The records of prove/power/trace.c. */
export function parseTrace(trace: Buffer, folder: string): Action[] {
  const actions: Action[] = [];
  for (let at = 0; at < trace.length; ) {
    const end = trace.indexOf('\n', at);
    const [kind, ...words] = trace.toString('utf8', at, end).split(' ');
    at = end + 1;
    const path = relative(folder, words.at(-1)!);
    if (kind === 'open') {
      actions.push({ kind, creates: words[0] === '1', truncates: words[1] === '1', path });
    } else if (kind === 'write') {
      const bytes = trace.subarray(at, at + Number(words[1]));
      at += bytes.length;
      actions.push({ kind, offset: Number(words[0]), bytes, path });
    } else if (kind === 'size') actions.push({ kind, size: Number(words[0]), path });
    else if (kind === 'rename') actions.push({ kind, from: relative(folder, words[0]!), path });
    else if (kind === 'link') actions.push({ kind, target: words[0]!, path });
    else if (kind === 'sync' || kind === 'mkdir' || kind === 'remove') actions.push({ kind, path });
    else throw new Error(`the trace has ${kind}`);
  }
  return actions;
}

/** Bytes that are written together or not. */
const PAGE = 4096;

interface Inode {
  kind: 'file' | 'folder' | 'link';
  /** Of a file what is on the disk, of a link where it leads. */
  data: Buffer;
  /** Of a folder, on the disk and as programs see it. */
  entries: Map<string, Inode>;
  seen: Map<string, Inode>;
}

/** Something that is on its way to the disk: it gets there or not, whatever becomes of the others. */
type Pending =
  | { inode: Inode; kind: 'bytes'; offset: number; bytes: Buffer }
  | { inode: Inode; kind: 'size'; size: number }
  | { inode: Inode; kind: 'names'; names: [string, Inode | null][] };

const makeInode = (kind: Inode['kind'], data = Buffer.alloc(0)): Inode => ({
  kind,
  data,
  entries: new Map(),
  seen: new Map(),
});

/** Which of the things on their way have arrived; `zeros`: those that have not left zeros in a file. */
export interface Fate {
  arrives(index: number): boolean;
  zeros: boolean;
}

export class CrashDisk {
  private readonly root = makeInode('folder');
  pending: Pending[] = [];

  /** Does what a program did. */
  act(action: Action): void {
    const { path } = action;
    switch (action.kind) {
      case 'open':
        this.open(path, action.creates, action.truncates);
        break;
      case 'write':
        this.write(this.must(path), action.offset, action.bytes);
        break;
      case 'size':
        this.pending.push({ inode: this.must(path), kind: 'size', size: action.size });
        break;
      case 'mkdir':
        this.name(path, makeInode('folder'));
        break;
      case 'link':
        this.name(path, makeInode('link', Buffer.from(action.target)));
        break;
      case 'remove':
        this.name(path, null);
        break;
      case 'rename':
        this.rename(action.from, path);
        break;
      case 'sync':
        this.sync(this.must(path));
    }
  }

  /** Writes what is left after a loss of power, of the folder at `path`, to `dir`. */
  leave(fate: Fate, dir: string): void {
    rmSync(dir, { recursive: true, force: true });
    const names = new Map<Inode, Map<string, Inode>>();
    const data = new Map<Inode, Buffer>();
    const namesOf = (inode: Inode) => names.get(inode) ?? new Map(inode.entries);
    this.pending.forEach((pending, i) => {
      const { inode } = pending;
      const arrives = fate.arrives(i);
      if (pending.kind === 'names') {
        if (arrives) names.set(inode, applyNames(namesOf(inode), pending.names));
      } else if (arrives) data.set(inode, applyData(data.get(inode) ?? inode.data, pending));
      else if (fate.zeros && pending.kind === 'bytes') {
        const zeros = { ...pending, bytes: Buffer.alloc(pending.bytes.length) };
        data.set(inode, applyData(data.get(inode) ?? inode.data, zeros));
      }
    });
    const write = (inode: Inode, path: string): void => {
      if (inode.kind === 'link') symlinkSync(inode.data.toString(), path);
      else if (inode.kind === 'file') writeFileSync(path, data.get(inode) ?? inode.data);
      else {
        mkdirSync(path);
        for (const [name, child] of namesOf(inode)) write(child, join(path, name));
      }
    };
    write(this.root, dir);
  }

  private open(path: string, creates: boolean, truncates: boolean): void {
    const found = this.find(path);
    if (found === null && creates) this.name(path, makeInode('file'));
    else if (found !== null && truncates) {
      this.pending.push({ inode: found, kind: 'size', size: 0 });
    }
  }

  /** Page by page. */
  private write(inode: Inode, start: number, all: Buffer): void {
    for (let at = 0; at < all.length; ) {
      const offset = start + at;
      const bytes = all.subarray(at, at + PAGE - (offset % PAGE));
      this.pending.push({ inode, kind: 'bytes', offset, bytes });
      at += bytes.length;
    }
  }

  private find(path: string): Inode | null {
    let inode: Inode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) inode = inode?.seen.get(name);
    return inode ?? null;
  }

  private must(path: string): Inode {
    const found = this.find(path);
    if (found === null) throw new Error(`the trace has no ${path}`);
    return found;
  }

  private split(path: string): [Inode, string] {
    const at = path.lastIndexOf('/');
    return [this.must(path.slice(0, Math.max(0, at))), path.slice(at + 1)];
  }

  private name(path: string, inode: Inode | null): void {
    const [folder, name] = this.split(path);
    const names: [string, Inode | null][] = [[name, inode]];
    applyNames(folder.seen, names);
    this.pending.push({ inode: folder, kind: 'names', names });
  }

  private rename(from: string, to: string): void {
    const [before, old] = this.split(from);
    const [folder, name] = this.split(to);
    const inode = this.must(from);
    const parts: [Inode, [string, Inode | null][]][] =
      before === folder
        ? [
            [
              folder,
              [
                [old, null],
                [name, inode],
              ],
            ],
          ]
        : [
            [before, [[old, null]]],
            [folder, [[name, inode]]],
          ];
    for (const [where, names] of parts) {
      applyNames(where.seen, names);
      this.pending.push({ inode: where, kind: 'names', names });
    }
  }

  /** What is on its way to an inode arrives; of a file not its name, which is its folder's. */
  private sync(inode: Inode): void {
    for (const pending of this.pending) {
      if (pending.inode !== inode) continue;
      if (pending.kind === 'names') applyNames(inode.entries, pending.names);
      else inode.data = applyData(inode.data, pending);
    }
    this.pending = this.pending.filter((pending) => pending.inode !== inode);
  }
}

function applyNames(
  entries: Map<string, Inode>,
  names: readonly [string, Inode | null][],
): Map<string, Inode> {
  for (const [name, inode] of names) {
    if (inode === null) entries.delete(name);
    else entries.set(name, inode);
  }
  return entries;
}

function applyData(data: Buffer, pending: Exclude<Pending, { kind: 'names' }>): Buffer {
  const end = pending.kind === 'size' ? pending.size : pending.offset + pending.bytes.length;
  const size = pending.kind === 'size' ? end : Math.max(data.length, end);
  const next = Buffer.alloc(size);
  data.copy(next);
  if (pending.kind === 'bytes') pending.bytes.copy(next, pending.offset);
  return next;
}
