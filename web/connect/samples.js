/**
 * Programs to copy: the same task, written from a shell, from JavaScript, from Python and in SQL.
 *
 * Each is whole: it runs as it stands once the token is in the environment.
 *
 * @module
 */

/**
 * @typedef {object} Place
 * @property {string} origin where the hub is, such as `http://127.0.0.1:7070`
 * @property {string} project the project's id
 */

/**
 * @typedef {object} Sample
 * @property {string} name
 * @property {string} before what it needs
 * @property {string} code
 */

/** @param {Place} place @returns {Sample[]} */
export function samples({ origin, project }) {
  const socket = `${origin.replace(/^http/, 'ws')}/socket`;
  const tasks = `${origin}/api/v1/channels/project:${project}/tasks`;
  return [
    { name: 'curl', before: 'curl 7.82 or later', code: curl(tasks) },
    { name: 'JavaScript', before: 'Node.js 22 or later, and the client: npm install --omit=dev ROWCAST/clients/js', code: javascript(socket, project) },
    { name: 'Python', before: 'Python 3.9 or later: pip install websockets', code: python(socket, project) },
    { name: 'SQL', before: 'psql or sqlite3 on the hub’s own database; no token', code: sql(project) },
  ];
}

/** @param {string} tasks */
function curl(tasks) {
  return `curl -s -H "Authorization: Bearer $TOKEN" \\
    --json '{"title": "Written with curl"}' \\
    ${tasks}

curl -s -H "Authorization: Bearer $TOKEN" "${tasks}?status=todo&fields=title,status"
`;
}

/** @param {string} socket @param {string} project */
function javascript(socket, project) {
  return `import { connect } from 'rowcast';

const rc = connect({ url: '${socket}', token: async () => process.env.TOKEN });
const project = rc.channel('project:${project}');
const tasks = project.table('tasks');
await project.ready;

const { key } = await tasks.insert({ title: 'Written in JavaScript' });
console.log('stored', tasks.get(key).title);

// Runs on: whoever changes a task, you see it here.
tasks.subscribe(({ updated }) => {
  for (const { row } of updated) console.log(row.title, 'is', row.status);
});
`;
}

/** @param {string} socket @param {string} project */
function python(socket, project) {
  return `import asyncio, json, os, uuid, websockets

CHANNEL = "project:${project}"

async def main():
    async with websockets.connect("${socket}", subprotocols=["rowcast.v1.json"]) as ws:
        async def ask(**message):
            await ws.send(json.dumps(message))

        await ask(type="hello", ref=1, token=os.environ["TOKEN"])
        await ask(type="subscribe", ref=2, channel=CHANNEL)
        await ask(type="edit", ref=3, id=str(uuid.uuid4()), channel=CHANNEL,
                  ops=[{"op": "insert", "table": "tasks", "row": {"title": "Written in Python"}}])
        # Runs on: every message is printed, the board's rows first.
        async for message in ws:
            print(message, flush=True)

asyncio.run(main())
`;
}

/** @param {string} project */
function sql(project) {
  return `INSERT INTO tasks (project_id, title)
VALUES ('${project}', 'Written with SQL');
`;
}
