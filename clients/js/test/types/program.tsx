// The hooks, as a TypeScript program with React sees them.
import { connect } from 'rowcast';
import { RowcastProvider, useChannel, useEdit, usePresence, useRow, useRows, useStatus } from 'rowcast/react';

const rc = connect({ url: 'wss://hub.example/socket', token: 'secret' });

function Board({ id }: { id: string }) {
  const project = useChannel(`project:${id}`, { presence: 'join' });
  const tasks = useRows(project, 'tasks', { where: { status: 'todo' }, sort: 'position' });
  const first = useRow(project, 'tasks', 'x');
  const people = usePresence(project);
  const { edit, undo, pending, error } = useEdit(project);
  const { unsent, name } = useStatus();
  const finish = () => void edit([{ op: 'update', table: 'tasks', key: 'x', set: { status: 'done' } }]);
  // @ts-expect-error a channel is asked for by its name
  useChannel(7);
  // @ts-expect-error rows are those of a channel
  useRows('project:1', 'tasks');
  return (
    <main title={name}>
      {people.map((person) => <b key={person.user}>{person.name}</b>)}
      {tasks.length} {String(first?.['title'])} {pending + unsent} {error?.message}
      <button onClick={finish}>Done</button>
      <button onClick={() => void undo()}>Undo</button>
    </main>
  );
}

export const app = <RowcastProvider client={rc}><Board id="1" /></RowcastProvider>;
