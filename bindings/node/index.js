'use strict';
// exatlas: rents, watches and gives back cloud GPUs. index.d.ts documents it.

const { Client } = require('./lib/client');
const { CLASSES } = require('./lib/errors');
const { Session } = require('./lib/session');
const { Stream } = require('./lib/stream');

exports.Client = Client;
exports.Session = Session;
exports.Stream = Stream;

// Written out, so that `import { NotFoundError } from 'exatlas'` works too.
exports.AtlasError = CLASSES.AtlasError;
exports.UnauthorizedError = CLASSES.UnauthorizedError;
exports.ForbiddenError = CLASSES.ForbiddenError;
exports.NotFoundError = CLASSES.NotFoundError;
exports.RateLimitedError = CLASSES.RateLimitedError;
exports.TimeoutError = CLASSES.TimeoutError;
exports.UnsupportedError = CLASSES.UnsupportedError;
exports.ValidationError = CLASSES.ValidationError;
exports.ProviderError = CLASSES.ProviderError;
exports.TransportError = CLASSES.TransportError;
exports.UnknownError = CLASSES.UnknownError;
exports.CapacityError = CLASSES.CapacityError;
exports.ConflictError = CLASSES.ConflictError;
exports.FundsError = CLASSES.FundsError;
exports.BudgetError = CLASSES.BudgetError;
exports.CancelledError = CLASSES.CancelledError;
exports.PluginError = CLASSES.PluginError;
exports.InternalError = CLASSES.InternalError;
exports.ClosedError = CLASSES.ClosedError;
exports.LoadError = CLASSES.LoadError;
