export const api = 99;
export default function () {}
