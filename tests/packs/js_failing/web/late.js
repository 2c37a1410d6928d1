export const api = 1;

export default function (sfumato) {
  sfumato.commands.add({ id: "broken.throw", label: "Throw", run: () => missingName() });
}
