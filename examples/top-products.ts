// The five best-selling products with their average rating. Run it with:
//   codemode run examples/top-products.ts --sqlite examples/shop.db

interface Product {
  id: number;
  name: string;
  sales: number;
}

const { rows } = await external_querySql({
  sql: `SELECT p.id, p.name, sum(s.quantity) AS sales
        FROM sales s JOIN products p ON p.id = s.product_id
        WHERE NOT s.returned
        GROUP BY p.id
        ORDER BY sales DESC, p.name
        LIMIT :limit`,
  params: { limit: 5 },
});
const products = rows as unknown as Product[];
console.log(`${products.length} best sellers:`, products.map((product) => product.name));

// One query each, all at once: five calls take as long as one.
const ratings: number[][] = await Promise.all(
  products.map(async ({ id }) => {
    const answer = await external_querySql({ sql: "SELECT stars FROM ratings WHERE product_id = ?", params: [id] });
    return answer.rows.map((row) => Number(row.stars));
  }),
);
console.log(`${ratings.flat().length} ratings read`);

function average(values: number[]): number | null {
  if (values.length === 0) return null; // nobody rated it
  const sum = values.reduce((total, value) => total + value, 0);
  return Math.round((sum / values.length) * 100) / 100;
}

return products.map(({ name, sales }, i) => ({ name, sales, averageRating: average(ratings[i]) }));
