/**
 * Who is here.
 *
 * @module
 */

import { avatar } from '../ui/avatar.js';
import { h, keepingFocus, setChildren } from '../ui/dom.js';

/** Faces shown; the others are counted. */
const FACES = 6;

/**
 * @param {import('/client/index.js').Channel} project
 * @param {import('/client/index.js').Client} client
 * @param {import('./data.js').BoardData} data
 */
export function presenceBar(project, client, data) {
  const element = h('ul', { class: 'people', id: 'people', role: 'list', 'aria-label': 'Who is here' });
  const show = () => {
    const people = project.presence.people();
    const faces = people.slice(0, FACES).map((person) => face(person, client.me?.id === person.user));
    const more = people.length > FACES ? h('li', { class: 'more' }, `+${people.length - FACES}`) : null;
    data.readPeople();
    keepingFocus(() => setChildren(element, [...faces, more]));
  };
  const stop = project.presence.subscribe(show);
  show();
  return { element, stop };
}

/**
 * @param {import('/client/types.js').PresentPerson} person
 * @param {boolean} isMe
 */
function face({ user, name, devices }, isMe) {
  const many = devices > 1 ? `, ${devices} devices` : '';
  const words = `${name}${isMe ? ' (you)' : ''}${many}`;
  return h('li', { data: { user, devices } }, avatar(user, name, words));
}
