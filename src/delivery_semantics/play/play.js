export function mount() {}
export default { render() {} };
