// What a TypeScript program sees of the package: uses that compile, and misuses that do not.
import { ApiError, EditError, ExactNumber, RowcastError, api, connect, memoryStorage, session, uuidv7 } from 'rowcast';
import { msgpack } from 'rowcast/msgpack';

const signedIn = session({ url: 'https://hub.example' });
const rc = connect({ session: signedIn, codec: msgpack, storage: memoryStorage() });
const byToken = connect({ url: 'wss://hub.example/socket', token: async () => 'secret' });

const project = rc.channel('project:1', { presence: 'join', meta: { colour: 'red' } });
const tasks = project.table('tasks');

export async function edits(): Promise<string> {
  await project.ready;
  const made = tasks.insert({ title: 'Buy milk' }, { place: 'first', scope: 'board' });
  const { seq, key } = await made;
  seq.toFixed();
  await tasks.update(key, { status: 'done' }, { if: { status: 'todo' } });
  await tasks.place(key, { after: made.key });
  await project.edit([
    { op: 'update', table: 'tasks', key, set: { title: 'Milk' }, inc: { votes: 1 } },
    { op: 'insert', table: 'comments', row: { id: uuidv7(), task_id: key, body: 'Done.' } },
  ]);
  const { done, skipped } = await made.undo();
  if (!done) return skipped.length.toFixed();
  const undone = project.canUndo ? await project.undo({ scope: 'board' }) : null;
  return undone?.channel ?? 'nothing';
}

export function queries(): number {
  const open = tasks.query({ where: { status: 'todo' }, sort: '-priority', limit: 20 });
  const stop = open.subscribe((rows, changes) => {
    rows.map((row) => row['title']);
    changes.inserted.length.toFixed();
  });
  open.set({ where: (row) => row['status'] !== 'done' });
  stop();
  return open.total + (open.first() ? 1 : 0);
}

export function words(error: unknown): string {
  if (error instanceof EditError) return error.field ?? error.constraint ?? error.words;
  if (error instanceof ApiError) return `${error.status} ${error.requestId ?? ''}`;
  return error instanceof RowcastError ? error.code : 'unknown';
}

export function exact(value: unknown): string {
  if (!(value instanceof ExactNumber)) return new ExactNumber('1e400').digits;
  return `${value}${Number(value).toFixed()}${value.valueOf() + 1}`;
}

export function misuses() {
  // @ts-expect-error digits are text
  new ExactNumber(5);
  // @ts-expect-error a number does not change
  new ExactNumber('5').digits = '6';
  // @ts-expect-error an address or a session is needed as text
  connect({ url: 7070 });
  // @ts-expect-error there is no such way to be present
  rc.channel('project:1', { presence: 'lurk' });
  // @ts-expect-error an operation has a known name
  void project.edit([{ op: 'upsert', table: 'tasks', row: {} }]);
  // @ts-expect-error rows are not to be changed in place
  tasks.rows()[0] = {};
  // @ts-expect-error a limit is a number
  tasks.query({ limit: 'all' });
  // @ts-expect-error registering needs a name
  void signedIn.register({ email: 'ada@example.org', password: 'long enough' });
}

void api({ url: 'https://hub.example' }).get('/projects', { query: { limit: 10 } });
byToken.close();
