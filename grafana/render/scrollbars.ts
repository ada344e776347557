// This package's default export is found by way of CommonJS, which a bundler does not do for a module that is ESM.
export { Scrollbars as default, Scrollbars } from './node_modules/react-custom-scrollbars-2/lib/index.js';
