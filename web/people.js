/**
 * Who is here.
 *
 * @module
 */

import { byId, setChildren } from './dom.js';

/** @typedef {import('/client/types.js').PresentPerson} PresentPerson */

/**
 * Shows it from now on.
 *
 * @param {import('/client/index.js').Client} client
 * @param {import('/client/index.js').Channel} project
 */
export function showPeople(client, project) {
  const show = () => {
    const people = project.presence.people();
    setChildren(byId('people'), people.map((person) => personItem(person, client.me?.id === person.user)));
  };
  project.presence.subscribe(show);
  client.subscribe(({ state }) => {
    byId('people').classList.toggle('stale', state === 'offline' || state === 'closed');
  });
  show();
}

/**
 * @param {PresentPerson} person
 * @param {boolean} isMe
 */
function personItem({ user, name, devices }, isMe) {
  const item = document.createElement('li');
  const many = devices > 1 ? ` · ${devices} devices` : '';
  item.textContent = `${name}${isMe ? ' (you)' : ''}${many}`;
  item.dataset.user = user;
  item.dataset.devices = String(devices);
  return item;
}
