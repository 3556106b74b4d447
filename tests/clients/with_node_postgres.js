// node-postgres through the proxy: simple and named statements, parameters, errors, transactions.
let pg;
try {
    pg = require('pg');
} catch (e) {
    process.exit(77);
}
const assert = require('assert');

(async () => {
    const client = new pg.Client({host: '127.0.0.1', port: Number(process.argv[2]), user: 'postgres', database: 'main'});
    await client.connect();
    let r = await client.query('select name from users where id = 7');
    assert.deepStrictEqual(r.rows, [{name: 'user 7'}]);
    r = await client.query('select name from users where id = $1', [8]);
    assert.deepStrictEqual(r.rows, [{name: 'user 8'}]);
    for (let i = 1; i < 20; ++i) {
        r = await client.query({name: 'by-id', text: 'select name from users where id = $1', values: [i]});
        assert.strictEqual(r.rows[0].name, 'user ' + i);
    }
    r = await client.query('select count(*) as n from users');
    assert.strictEqual(r.rows[0].n, '1000');
    await assert.rejects(client.query('select nothing from users where id = $1', [1]), {code: '42703'});
    await assert.rejects(client.query("update users set name = 'x'"), {code: '0A000'});
    await client.query('begin');
    await client.query("update users set name = 'changed' where id = $1", [11]);
    await client.query('rollback');
    r = await client.query('select name from users where id = $1', [11]);
    assert.strictEqual(r.rows[0].name, 'user 11');
    const answers = await Promise.all([1, 2, 3, 4, 5].map(i => client.query('select name from users where id = $1', [i])));
    assert.deepStrictEqual(answers.map(a => a.rows[0].name), ['user 1', 'user 2', 'user 3', 'user 4', 'user 5']);
    await client.end();
})().catch(e => {
    console.error(e);
    process.exit(1);
});
